"""Tests of stack_components/sync/."""
