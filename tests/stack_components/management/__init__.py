"""Tests of stack_components/management/."""
