"""Offhook: the event backbone for phone calls."""

__version__ = "0.1.0"
