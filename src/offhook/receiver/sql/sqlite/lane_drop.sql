DELETE FROM receiver_lane WHERE lane = :lane
