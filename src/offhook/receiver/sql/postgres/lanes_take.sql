UPDATE receiver_lane SET due_at = now() + $3 * interval '1 second', holder = $1
FROM (
    SELECT lane FROM receiver_lane WHERE due_at <= now() ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
) AS due
WHERE receiver_lane.lane = due.lane
RETURNING receiver_lane.lane
