-- With the moment that they are read at, also where there are none.
SELECT
    moment.now_ms, share.webhook, share.kind,
    share.owner, share.allowed, share.counted, share.wanted,
    share.since_ms, share.asked_ms, share.until_ms
FROM offhook_now(:now_ms::bigint) AS moment (now_ms)
LEFT JOIN endpoint_share AS share
    ON share.webhook = ANY(:webhooks::text[]) AND share.until_ms > moment.now_ms
