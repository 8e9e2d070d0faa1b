UPDATE receiver_event SET state = 'handled', body = NULL, error = '', changed_ms = :now_ms
WHERE id = :id AND state <> 'handled'
