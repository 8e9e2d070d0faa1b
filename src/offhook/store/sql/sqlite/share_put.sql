INSERT INTO endpoint_share (
    webhook, kind, owner, allowed, counted, wanted, since_ms, asked_ms, until_ms
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
