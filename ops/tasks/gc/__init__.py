"""Garbage collection in two phases: marked on a copy while everybody may push, swept in moments while writes are refused."""
