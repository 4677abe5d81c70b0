"""Tests of the stand-in for the command plugin."""
