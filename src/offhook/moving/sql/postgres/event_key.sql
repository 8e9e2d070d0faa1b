SELECT account, id, digest, event_id, type, key, sequence, created_ms FROM event_key
