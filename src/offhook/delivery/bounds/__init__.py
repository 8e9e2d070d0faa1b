"""Endpoints' bounds, kept together with the other processes."""
