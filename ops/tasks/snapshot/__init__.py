"""Undo: what a snapshot holds and the live tree lacks is given back: all of it, one repository, or one tag."""
