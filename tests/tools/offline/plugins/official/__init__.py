"""What the official plugins answered: `python -m tests.offline.plugins.official.record` writes answers.json."""
