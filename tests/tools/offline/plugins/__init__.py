"""Tests of the stand-ins for the official plugins."""
