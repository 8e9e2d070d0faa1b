-- Those of a webhook that is to get nothing more.
UPDATE replay SET canceled_ms = :now_ms, reason = :reason
WHERE canceled_ms IS NULL
    AND id IN (SELECT replay FROM replay_range WHERE webhook = :webhook AND done = 0)
