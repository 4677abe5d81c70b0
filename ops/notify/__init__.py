"""Notifications: what is worth telling, kept on disk until a service has it, and the two services that tell it."""
