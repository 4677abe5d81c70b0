"""Tests of stack_components/registry/."""
