SELECT
    asked.partition,
    asked.webhook,
    asked.lane,
    (
        SELECT pending.position FROM pending
        WHERE pending.partition = asked.partition
            AND pending.webhook = asked.webhook
            AND pending.lane = asked.lane
            AND pending.state = 'retry'
        ORDER BY pending.position
        LIMIT 1
    ) AS first_retry,
    (
        SELECT pending.position FROM pending
        WHERE pending.partition = asked.partition
            AND pending.webhook = asked.webhook
            AND pending.lane = asked.lane
            AND pending.state = 'waiting'
        ORDER BY pending.position
        LIMIT 1
    ) AS first_waiting
FROM unnest(:partitions::integer[], :webhooks::text[], :lanes::text[])
    AS asked (partition, webhook, lane)
