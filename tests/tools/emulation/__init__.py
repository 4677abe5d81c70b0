"""Tests of the emulated Hetzner."""
