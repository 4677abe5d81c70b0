"""Tests of mirroring by the catalogue."""
