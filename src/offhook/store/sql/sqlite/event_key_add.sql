INSERT INTO event_key (account, id, digest, event_id, type, key, sequence)
VALUES (?, ?, ?, ?, ?, ?, ?)
