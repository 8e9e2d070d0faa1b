INSERT INTO receiver_processed (id, until_at, handled) VALUES ($1, now() + $2 * interval '1 second', true)
ON CONFLICT (id) DO UPDATE SET until_at = excluded.until_at, handled = true
