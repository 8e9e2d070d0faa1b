-- One that is over stays as it is.
UPDATE replay SET canceled_ms = (SELECT offhook_now(:now_ms::bigint)), reason = :reason
WHERE id = :id AND account = :account AND canceled_ms IS NULL
    AND EXISTS (SELECT 1 FROM replay_range WHERE replay = :id AND NOT done)
