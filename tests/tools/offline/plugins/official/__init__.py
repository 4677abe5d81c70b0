"""What the official plugins answered: `python -m tests.tools.offline.plugins.official.record` writes answers.json."""
