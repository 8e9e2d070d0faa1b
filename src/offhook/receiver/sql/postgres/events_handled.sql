UPDATE receiver_event SET state = 'handled', body = NULL, error = '', changed_at = now()
WHERE id = ANY ($1::text[]) AND state <> 'handled'
