"""Bans at the edge: who is banned, and lifting bans."""
