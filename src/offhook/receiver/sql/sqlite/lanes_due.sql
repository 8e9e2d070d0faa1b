SELECT lane FROM receiver_lane WHERE due_ms <= :now_ms ORDER BY due_ms LIMIT :limit
