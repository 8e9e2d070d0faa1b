DELETE FROM held
USING unnest(:partitions::integer[], :webhooks::text[]) AS met (partition, webhook)
WHERE held.partition = met.partition AND held.webhook = met.webhook
