SELECT json_group_array(json_array(partition, json_object('webhook', webhook, 'key', lane)))
FROM (
    SELECT head.partition, head.webhook, head.lane
    FROM json_each(:asked) AS it
    CROSS JOIN endpoint_health ON endpoint_health.webhook = it.value ->> 1
    CROSS JOIN pending AS head INDEXED BY pending_failed
        ON head.partition = it.value ->> 0
        AND head.webhook = it.value ->> 1
        AND head.failed_ms <= it.value ->> 2
        AND head.failed_ms < endpoint_health.last_success_ms
        AND head.lane IS NOT NULL
        AND head.state = 'retry'
    LIMIT :limit
)
