"""Where it runs: settings, secrets, images, the release, and the places that give a Host."""
