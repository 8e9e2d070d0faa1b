SELECT json_group_object(
    webhook,
    json_object(
        'failures', failures, 'failing_since_ms', failing_since_ms,
        'last_failure_ms', last_failure_ms, 'last_success_ms', last_success_ms,
        'announced', json(iif(announced, 'true', 'false'))
    )
)
FROM endpoint_health
WHERE webhook IN (SELECT value FROM json_each(:webhooks))
