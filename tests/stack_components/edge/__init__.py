"""Tests of stack_components/edge/."""
