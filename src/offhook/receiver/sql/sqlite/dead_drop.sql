UPDATE receiver_event SET state = 'handled', body = NULL, changed_ms = :now_ms
WHERE state = 'dead' AND (:id IS NULL OR id = :id) RETURNING lane
