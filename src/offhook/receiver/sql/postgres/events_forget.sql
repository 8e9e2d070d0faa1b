DELETE FROM receiver_event WHERE place IN (
    SELECT place FROM receiver_event WHERE state = 'handled' AND changed_at <= now() - $1 * interval '1 second'
    ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
