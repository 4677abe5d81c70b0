"""Checks of a stack: each looks at one thing, and says what is wrong and what to do about it."""
