INSERT INTO endpoint_minute (webhook, minute, class, bucket, attempts)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (webhook, minute, class, bucket) DO UPDATE SET attempts = attempts + excluded.attempts
