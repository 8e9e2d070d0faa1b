"""The public API: the conventions that every route shares, and the routes of events and calls."""
