INSERT INTO dispatch_request (kind, webhook, partition, position)
VALUES (:kind, :webhook, :partition, :position)
