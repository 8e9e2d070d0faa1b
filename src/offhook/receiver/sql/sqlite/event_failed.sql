UPDATE receiver_event SET state = :state, error = :error, changed_ms = :now_ms WHERE id = :id AND state = 'waiting'
