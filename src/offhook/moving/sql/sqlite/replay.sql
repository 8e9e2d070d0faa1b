SELECT
    id, account, webhook, scope, since_ms, until_ms, types, rate_per_s,
    created_ms, canceled_ms, reason
FROM replay
