DELETE FROM pending
WHERE (webhook, partition, position) IN (
    SELECT value ->> 0, :partition, value ->> 1 FROM json_each(:deliveries)
)
