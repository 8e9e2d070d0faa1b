INSERT INTO member (consumer, owner, until_ms, config_version)
VALUES (
    :consumer, :owner, offhook_now(:now_ms::bigint) + :ttl_ms::bigint, :config_version::bigint
)
ON CONFLICT (consumer, owner) DO UPDATE
SET until_ms = excluded.until_ms, config_version = excluded.config_version
