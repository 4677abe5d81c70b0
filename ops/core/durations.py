"""Says for people how long something takes."""

from __future__ import annotations

from datetime import timedelta

from humanize import precisedelta


def duration(seconds: float) -> str:
    """Return a number of seconds for people, in hours, minutes and seconds."""
    return precisedelta(timedelta(seconds=round(seconds)), suppress=["days"], format="%d")
