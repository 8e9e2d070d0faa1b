UPDATE receiver_event SET attempts = attempts + 1
WHERE place = (SELECT place FROM receiver_event WHERE lane = :lane AND state = 'waiting' ORDER BY place LIMIT 1)
RETURNING id, lane, body, attempts
