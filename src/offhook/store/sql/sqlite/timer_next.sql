SELECT min(due_ms) FROM timer
