-- Those of a webhook that is to get nothing more.
UPDATE replay SET canceled_ms = (SELECT offhook_now(:now_ms::bigint)), reason = :reason
WHERE canceled_ms IS NULL
    AND id = ANY(ARRAY(SELECT replay FROM replay_range WHERE webhook = :webhook AND NOT done))
