"""Tests; they mirror the packages. tests/engine/ runs the whole program.

A helper is named after what it gives: `<thing>_rig.py` starts real programs that work together, `<thing>_samples.py` makes
values, `real_programs.py` finds the programs to start, and `declared.py` runs the Pulumi program against mocks.
`warm_start.py` starts programs of our own as forks of one that has their imports done; a real start of each has tests, too.
"""
