UPDATE pending SET state = 'retry', due_ms = :now_ms
WHERE (webhook, partition, position) IN (
    SELECT value ->> 0, :partition, value ->> 1 FROM json_each(:deliveries)
)
