"""Rehearses what may happen to a registry: actions and faults by chance on a copy, against a model of what has to be true."""
