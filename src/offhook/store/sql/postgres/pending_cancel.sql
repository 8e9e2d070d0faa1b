UPDATE pending SET state = 'canceled', due_ms = NULL, reason = :reason
WHERE webhook = :webhook AND state IN ('retry', 'waiting')
