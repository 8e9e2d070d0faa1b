INSERT INTO endpoint_share (
    webhook, kind, owner, allowed, counted, wanted, since_ms, asked_ms, until_ms
)
SELECT * FROM unnest(
    :webhooks::text[], :kinds::text[], :owners::text[], :allowed::bigint[], :counted::bigint[],
    :wanted::bigint[], :since_ms::bigint[], :asked_ms::bigint[], :until_ms::bigint[]
)
ON CONFLICT (webhook, kind, owner) DO UPDATE SET
    allowed = excluded.allowed,
    counted = excluded.counted,
    wanted = excluded.wanted,
    since_ms = excluded.since_ms,
    asked_ms = excluded.asked_ms,
    until_ms = excluded.until_ms
