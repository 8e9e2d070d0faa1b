INSERT INTO timer (account, key, kind, due_ms)
VALUES (?, ?, ?, ?)
ON CONFLICT (account, key, kind) DO UPDATE SET due_ms = excluded.due_ms
