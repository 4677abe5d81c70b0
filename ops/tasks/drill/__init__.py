"""Drills a restore: a sample of the newest good backup is restored to a scratch folder, served, pulled and compared."""
