"""Tests of stack_components/cache/."""
