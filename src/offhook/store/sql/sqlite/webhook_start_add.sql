INSERT INTO webhook_start (webhook, partition, position) VALUES (:webhook, :partition, :position)
