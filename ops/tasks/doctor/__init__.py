"""The doctor: looks for what is wrong with a stack, and says what to do about it."""
