"""Where the file is that turns on read-only mode: `regops` writes it, and the edge looks for it."""

# Below the stack's folder. "gate" is an old name for read-only mode, kept because running edges have this folder mounted.
READ_ONLY_FOLDER = "gate"
READ_ONLY_FILE = "read-only"
