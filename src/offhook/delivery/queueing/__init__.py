"""Deliveries in memory: in order for each key, within what each endpoint bears."""
