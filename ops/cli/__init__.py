"""The command line of `regops`: each file has a few verbs, which print as text or as JSON what the rest of `ops` returns."""
