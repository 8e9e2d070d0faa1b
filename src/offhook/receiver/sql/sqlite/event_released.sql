UPDATE receiver_event SET attempts = attempts - 1 WHERE id = :id AND state = 'waiting'
