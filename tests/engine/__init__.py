"""Tests of the whole program on the real Pulumi engine."""
