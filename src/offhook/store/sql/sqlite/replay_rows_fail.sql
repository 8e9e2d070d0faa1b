UPDATE pending SET state = 'failed', due_ms = NULL, reason = :reason
WHERE partition = :partition AND replay IN (SELECT value FROM json_each(:replays))
    AND (state = 'retry' OR state = 'waiting')
