UPDATE receiver_lane SET due_ms = :due_ms, holder = NULL WHERE lane = :lane
