"""Delivery: the log's events to the endpoints that asked for them, in order, until accepted."""
