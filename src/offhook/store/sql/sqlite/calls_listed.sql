SELECT cast('[' || coalesce(group_concat(state, ','), '') || ']' AS BLOB)
FROM (
    SELECT state FROM call
    WHERE account = :account
        AND (started_ms, id) < (:before_ms, :before_id)
        AND started_ms >= :since_ms
        AND (:duplicates OR NOT duplicate)
        AND (:status IS NULL OR status = :status)
        AND (:outcome IS NULL OR outcome = :outcome)
        AND (:campaign_id IS NULL OR campaign_id = :campaign_id)
        AND (:buyer_id IS NULL OR buyer_id = :buyer_id)
        AND (:caller_id IS NULL OR caller_id = :caller_id)
    ORDER BY started_ms DESC, id DESC
    LIMIT :limit
)
