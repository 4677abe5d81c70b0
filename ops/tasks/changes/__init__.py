"""What changes in the registry: which digest each tag names, when that changed and by whom, kept in a ledger."""
