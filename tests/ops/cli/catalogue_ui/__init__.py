"""Tests of the full screen of `regops catalogue`."""
