SELECT webhook, partition, position FROM webhook_start
