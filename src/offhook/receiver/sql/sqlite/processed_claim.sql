INSERT INTO processed (id, until_ms) VALUES (:id, :until_ms)
ON CONFLICT (id) DO UPDATE SET until_ms = :until_ms, handled = 0 WHERE until_ms <= :now_ms
RETURNING id
