"""Tests of stack_components/."""
