SELECT head.partition, head.webhook, head.lane
FROM unnest(:partitions::integer[], :webhooks::text[], :failed_by_ms::bigint[])
    AS asked (partition, webhook, failed_by_ms)
CROSS JOIN LATERAL (
    SELECT last_success_ms FROM endpoint_health
    WHERE endpoint_health.webhook = asked.webhook
    LIMIT 1
) AS health
CROSS JOIN LATERAL (
    SELECT pending.partition, pending.webhook, pending.lane FROM pending
    WHERE pending.partition = asked.partition
        AND pending.webhook = asked.webhook
        AND pending.failed_ms <= asked.failed_by_ms
        AND pending.failed_ms < health.last_success_ms
        AND pending.lane IS NOT NULL
        AND pending.state = 'retry'
    LIMIT :limit::bigint
) AS head
LIMIT :limit::bigint
