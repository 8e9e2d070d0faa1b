UPDATE receiver_event SET state = 'handled', body = NULL, changed_at = now()
WHERE state = 'dead' AND ($1::text[] IS NULL OR id = ANY ($1)) RETURNING lane
