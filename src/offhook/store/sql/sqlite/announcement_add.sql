INSERT INTO announcement (partition, account, event_id, type, key, test, data)
VALUES (?, ?, ?, ?, ?, ?, ?)
