-- Deliveries given up or canceled whose trying began before a moment, but for those that a reader of
-- the log may come to again.
DELETE FROM pending
USING (
    SELECT old.webhook, old.partition, old.position FROM pending AS old
    LEFT JOIN unnest(:partitions::integer[], :floors::bigint[]) AS passed (partition, position)
        ON passed.partition = old.partition
    WHERE (old.state = 'failed' OR old.state = 'canceled')
        AND old.since_ms < :before_ms::bigint
        AND old.position <= coalesce(passed.position, old.position)
    ORDER BY old.since_ms
    LIMIT :limit::bigint
    FOR UPDATE OF old SKIP LOCKED
) AS gone
WHERE pending.webhook = gone.webhook
    AND pending.partition = gone.partition
    AND pending.position = gone.position
