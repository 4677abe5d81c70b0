"""Tests of the stand-in for the hcloud plugin."""
