INSERT INTO processed (id, until_ms, handled) VALUES (:id, :until_ms, 1)
ON CONFLICT (id) DO UPDATE SET until_ms = :until_ms, handled = 1
