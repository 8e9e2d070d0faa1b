DELETE FROM event_key
USING (
    SELECT old.account, old.id FROM event_key AS old
    WHERE old.created_ms < (SELECT offhook_now(:now_ms::bigint) - :kept_ms::bigint)
    ORDER BY old.created_ms
    LIMIT :limit::bigint
    FOR UPDATE SKIP LOCKED
) AS gone
WHERE event_key.account = gone.account AND event_key.id = gone.id
