DELETE FROM endpoint_share
WHERE webhook IN (SELECT value FROM json_each(:webhooks))
AND (until_ms <= :now_ms OR (webhook, kind, owner) IN (
    SELECT value ->> 0, value ->> 1, :owner FROM json_each(:asked)
))
