INSERT INTO replay
    (id, account, webhook, scope, since_ms, until_ms, types, rate_per_s, created_ms)
VALUES
    (:id, :account, :webhook, :scope, :since_ms, :until_ms, :types, :rate_per_s, :created_ms)
