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
                    WHERE webhook = listed.id AND (expires_ms IS NULL OR expires_ms > :now_ms)
                )
            ),
            'starts', json(
                (
                    SELECT json_group_object(partition, position) FROM webhook_start
                    WHERE webhook = listed.id
                )
            ),
            'revision', revision,
            'created_ms', created_ms,
            'updated_ms', updated_ms,
            'disabled_reason', disabled_reason,
            'hash_key', (SELECT hex(hash_key) FROM account WHERE account.id = listed.account),
            'health', json(
                (
                    SELECT
                        json_object(
                            'failures', failures,
                            'failing_since_ms', failing_since_ms,
                            'last_failure_ms', last_failure_ms,
                            'last_success_ms', last_success_ms
                        )
                    FROM endpoint_health
                    WHERE webhook = listed.id
                )
            ),
            'filter_faults', json(
                (
                    SELECT
                        json_object(
                            'errors', errors,
                            'last_error', last_error,
                            'last_event', last_event,
                            'last_ms', last_ms
                        )
                    FROM filter_fault
                    WHERE webhook = listed.id
                )
            )
        )
    )
FROM (
    SELECT * FROM resource
    WHERE account = :account AND kind = 'webhook'
        AND (:before IS NULL OR id < :before)
        AND (:external_id IS NULL OR external_id = :external_id)
    ORDER BY id DESC
    LIMIT :limit
) AS listed
