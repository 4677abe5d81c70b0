"""Tests of the command line of `regops`."""
