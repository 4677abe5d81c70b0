"""The stand-in for the official docker plugin: containers, networks, volumes and images on a local Docker engine."""
