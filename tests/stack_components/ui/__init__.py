"""Tests of stack_components/ui/."""
