"""The production program, with a stand-in for the cloud alone."""
