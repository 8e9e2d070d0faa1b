-- One that is over stays as it is.
UPDATE replay SET canceled_ms = :now_ms, reason = :reason
WHERE id = :id AND account = :account AND canceled_ms IS NULL
    AND EXISTS (SELECT 1 FROM replay_range WHERE replay = :id AND done = 0)
