SELECT json_group_array(
    json_array(
        webhook, kind,
        json_object(
            'owner', owner, 'allowed', allowed, 'counted', counted, 'wanted', wanted,
            'since_ms', since_ms, 'asked_ms', asked_ms, 'until_ms', until_ms
        )
    )
)
FROM endpoint_share
WHERE webhook IN (SELECT value FROM json_each(:webhooks)) AND until_ms > :now_ms
