SELECT place, id, lane, body, attempts, error, changed_at FROM receiver_event
WHERE state = 'dead' AND place > $1 ORDER BY place LIMIT $2
