INSERT INTO receiver_processed (id, until_at) VALUES ($1, now() + $2 * interval '1 second')
ON CONFLICT (id) DO UPDATE SET until_at = excluded.until_at, handled = false WHERE receiver_processed.until_at <= now()
RETURNING id
