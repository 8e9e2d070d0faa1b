UPDATE receiver_event SET attempts = attempts + 1
FROM unnest($1::text[]) AS taken (lane)
CROSS JOIN LATERAL (
    SELECT place FROM receiver_event AS waiting
    WHERE waiting.lane = taken.lane AND waiting.state = 'waiting' ORDER BY place LIMIT 1
) AS first
WHERE receiver_event.place = first.place
RETURNING receiver_event.id, receiver_event.lane, receiver_event.body, receiver_event.attempts
