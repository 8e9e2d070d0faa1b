-- Of one consumer, or of all.
DELETE FROM member
USING (
    SELECT expired.consumer, expired.owner FROM member AS expired
    WHERE (:consumer::text IS NULL OR expired.consumer = :consumer)
        AND expired.until_ms <= offhook_now(:now_ms::bigint)
    FOR UPDATE SKIP LOCKED
) AS gone
WHERE member.consumer = gone.consumer AND member.owner = gone.owner
