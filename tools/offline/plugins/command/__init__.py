"""The stand-in for the official command plugin: commands on this machine and, by SSH, on others."""
