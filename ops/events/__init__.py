"""The registry's events: received by webhook, stored in SQLite, read by cursor."""
