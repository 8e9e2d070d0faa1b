INSERT INTO attempt
    (webhook, partition, position, account, event_id, event_type, key,
     number, started_ms, duration_ms, accepted, status, error, response, late, replay, detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
