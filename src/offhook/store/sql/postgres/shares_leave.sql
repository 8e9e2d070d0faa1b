-- The owner's, and what has run out. Rows that an ask is about to clear itself are left to it.
DELETE FROM endpoint_share
USING (
    SELECT webhook, kind, owner FROM endpoint_share
    WHERE owner = :owner OR until_ms <= (SELECT offhook_now(:now_ms::bigint))
    FOR UPDATE SKIP LOCKED
) AS gone
WHERE endpoint_share.webhook = gone.webhook
    AND endpoint_share.kind = gone.kind
    AND endpoint_share.owner = gone.owner
