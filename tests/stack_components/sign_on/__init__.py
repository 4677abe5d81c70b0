"""Tests of stack_components/sign_on/."""
