DELETE FROM member
WHERE consumer = :consumer AND owner IN (
    SELECT gone.owner FROM member AS gone
    WHERE gone.consumer = :consumer AND gone.until_ms <= offhook_now(:now_ms::bigint)
    FOR UPDATE SKIP LOCKED
)
