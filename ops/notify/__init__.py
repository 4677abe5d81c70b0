"""Notifications: what is worth sending, stored on disk until delivered, and the two services that deliver it."""
