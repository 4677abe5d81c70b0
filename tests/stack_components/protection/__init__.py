"""Tests of stack_components/protection/."""
