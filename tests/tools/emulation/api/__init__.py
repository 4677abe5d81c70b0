"""Tests of the emulated API: the official client talks to it, and every word is checked against the description."""
