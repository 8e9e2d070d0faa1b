SELECT EXISTS (SELECT 1 FROM receiver_event WHERE lane = :lane AND state = 'waiting')
