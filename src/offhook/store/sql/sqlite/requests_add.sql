INSERT INTO dispatch_request (kind, webhook, partition, position)
SELECT :kind, value ->> 0, value ->> 1, value ->> 2 FROM json_each(:deliveries)
