INSERT INTO member (consumer, owner, until_ms)
VALUES (:consumer, :owner, :until_ms)
ON CONFLICT (consumer, owner) DO UPDATE SET until_ms = excluded.until_ms
