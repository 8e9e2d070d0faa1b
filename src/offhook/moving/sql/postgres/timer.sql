SELECT account, key, partition, kind, due_ms FROM timer
