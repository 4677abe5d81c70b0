"""The recovery kit: everything that must lie elsewhere to bring a stack back, in one encrypted file."""
