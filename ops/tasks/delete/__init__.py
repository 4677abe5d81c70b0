"""Deletes one tag, after a snapshot that brings it back."""
