"""Webhooks as their owners see them: made, changed, rotated, tried."""
