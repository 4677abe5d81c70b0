"""Tests of stack_components.console."""
