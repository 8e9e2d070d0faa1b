INSERT INTO receiver_lane (lane, due_ms) VALUES (:lane, :now_ms) ON CONFLICT (lane) DO NOTHING
