DELETE FROM endpoint_minute
WHERE (webhook, minute, class, bucket) IN (
    SELECT webhook, minute, class, bucket FROM endpoint_minute
    WHERE minute < :before_minute::integer
    ORDER BY minute
    LIMIT :limit::integer
    FOR UPDATE SKIP LOCKED
)
