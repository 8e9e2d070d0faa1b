"""Shipped for tests: a fake clock, a scripted network, a call simulator, conformance suites."""
