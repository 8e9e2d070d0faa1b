"""Requests that go out: rendered, signed, sent past the guard, and what is kept of the exchange."""
