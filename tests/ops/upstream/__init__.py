"""Tests of clients for upstream registries."""
