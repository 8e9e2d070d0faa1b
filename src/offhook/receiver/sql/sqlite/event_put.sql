INSERT INTO receiver_event (id, lane, body, changed_ms) VALUES (:id, :lane, :body, :now_ms)
ON CONFLICT (id) DO NOTHING RETURNING place
