UPDATE receiver_lane SET due_ms = :due_ms, holder = :holder WHERE lane = :lane
