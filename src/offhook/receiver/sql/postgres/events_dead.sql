SELECT id FROM receiver_event WHERE id = ANY ($1::text[]) AND state = 'dead'
