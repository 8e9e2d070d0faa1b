UPDATE receiver_event SET state = 'waiting', attempts = 0, changed_ms = :now_ms
WHERE state = 'dead' AND (:id IS NULL OR id = :id) RETURNING lane
