UPDATE receiver_event SET state = 'waiting', attempts = 0, changed_at = now()
WHERE state = 'dead' AND ($1::text[] IS NULL OR id = ANY ($1)) RETURNING lane
