SELECT
    json_group_array(
        json_object(
            'id', id,
            'account', account,
            'document', json(document),
            'secrets', json(
                (
                    SELECT
                        json_group_array(
                            json_object('text', secret, 'expires_ms', expires_ms)
                            ORDER BY expires_ms DESC NULLS FIRST, created_ms DESC
                        )
                    FROM webhook_secret
                    WHERE webhook = resource.id AND (expires_ms IS NULL OR expires_ms > :now_ms)
                )
            ),
            'starts', json(
                (
                    SELECT json_group_object(partition, position) FROM webhook_start
                    WHERE webhook = resource.id
                )
            ),
            'revision', revision,
            'created_ms', created_ms,
            'updated_ms', updated_ms,
            'disabled_reason', disabled_reason,
            'hash_key', (SELECT hex(hash_key) FROM account WHERE account.id = resource.account)
        )
    ),
    (SELECT coalesce(sum(config_version), 0) FROM account)
FROM resource
WHERE kind = 'webhook' AND coalesce(document ->> 'enabled', 1)
