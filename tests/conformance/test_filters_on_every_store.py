"""Filters, contact lists, test events and masking on every store."""

from offhook.testing.conformance.filters import FilterConformance


class TestFilters(FilterConformance):
    """Each guarantee."""
