"""What attackers try, and what holds them off: docs/threat-model.md names these tests."""
