"""What everything speaks of: events, calls, resources, ids and errors. Pure: no I/O, no clock."""
