DELETE FROM receiver_processed WHERE id IN (
    SELECT id FROM receiver_processed WHERE until_at <= now() ORDER BY until_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
