UPDATE receiver_event SET attempts = attempts - 1 WHERE id = ANY ($1::text[]) AND state = 'waiting'
