"""Behaviour that any store has to show: suites to subclass and run over it."""
