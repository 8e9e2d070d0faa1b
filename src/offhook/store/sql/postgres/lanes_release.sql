UPDATE pending SET
    late = pending.lane,
    lane = NULL,
    due_ms = CASE pending.state WHEN 'waiting' THEN :now_ms::bigint ELSE pending.due_ms END,
    state = 'retry'
FROM unnest(:partitions::integer[], :webhooks::text[], :lanes::text[])
    AS asked (partition, webhook, lane)
CROSS JOIN LATERAL (
    SELECT own.position FROM pending AS own
    WHERE own.partition = asked.partition
        AND own.webhook = asked.webhook
        AND own.lane = asked.lane
        AND (own.state = 'retry' OR own.state = 'waiting')
    OFFSET 0
) AS live
WHERE pending.webhook = asked.webhook
    AND pending.partition = asked.partition
    AND pending.position = live.position
