"""Tests of stack_components/gateway/."""
