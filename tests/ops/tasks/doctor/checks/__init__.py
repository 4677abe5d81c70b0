"""Tests of the checks of a stack."""
