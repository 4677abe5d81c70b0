"""Tests of the stand-in for the docker plugin."""
