"""Tests of stack_components/greeter/."""
