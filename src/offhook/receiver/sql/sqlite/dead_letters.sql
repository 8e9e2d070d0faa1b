SELECT place, id, lane, body, attempts, error, changed_ms FROM receiver_event
WHERE state = 'dead' AND place > :after ORDER BY place LIMIT :limit
