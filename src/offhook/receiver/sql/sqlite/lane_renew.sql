UPDATE receiver_lane SET due_ms = :due_ms WHERE lane = :lane AND holder = :holder
