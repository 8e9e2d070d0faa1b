"""Conditions in CEL: compiled once, evaluated to true, false or a fault. Pure."""
