SELECT state FROM call
WHERE account = :account
    AND (started_ms, id) < (:before_ms::bigint, :before_id)
    AND started_ms >= :since_ms::bigint
    AND (:duplicates::boolean OR NOT duplicate)
    AND (:status::text IS NULL OR status = :status)
    AND (:outcome::text IS NULL OR outcome = :outcome)
    AND (:campaign_id::text IS NULL OR campaign_id = :campaign_id)
    AND (:buyer_id::text IS NULL OR buyer_id = :buyer_id)
    AND (:caller_id::text IS NULL OR caller_id = :caller_id)
ORDER BY started_ms DESC, id DESC
LIMIT :limit::bigint
