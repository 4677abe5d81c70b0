"""Tests; they mirror the packages. tests/engine/ runs the whole program."""
