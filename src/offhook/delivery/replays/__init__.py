"""Replays: bounded ranges of the log that are sent again, beside live ones."""
