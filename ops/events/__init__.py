"""The registry's events: read from its webhook, kept in SQLite, and read again by cursor."""
