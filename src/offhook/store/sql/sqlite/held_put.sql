INSERT INTO held (partition, webhook, from_position)
VALUES (?, ?, ?)
ON CONFLICT (partition, webhook) DO UPDATE SET from_position = excluded.from_position
