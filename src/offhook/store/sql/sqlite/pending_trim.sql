-- Deliveries given up or canceled whose trying began before a moment, but for those that a reader of
-- the log may come to again.
DELETE FROM pending
WHERE (webhook, partition, position) IN (
    SELECT old.webhook, old.partition, old.position FROM pending AS old INDEXED BY pending_given_up
    WHERE (old.state = 'failed' OR old.state = 'canceled')
        AND old.since_ms < :before_ms
        AND old.position <= :floor
    ORDER BY old.since_ms
    LIMIT :limit
)
