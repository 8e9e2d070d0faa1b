SELECT account, key, 0, kind, due_ms FROM timer
