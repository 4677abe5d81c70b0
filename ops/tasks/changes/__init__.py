"""Changes of tags: which digest each tag points to, when that changed and by whom, recorded in a ledger."""
