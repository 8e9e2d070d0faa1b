SELECT min(position) FROM event
