"""Shipped for tests: a fake clock, a scripted network, real servers and a wire that fails, a call
simulator, conformance suites."""
