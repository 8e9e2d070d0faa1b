INSERT INTO member (consumer, owner, until_ms, config_version)
VALUES (:consumer, :owner, :until_ms, :config_version)
ON CONFLICT (consumer, owner) DO UPDATE
SET until_ms = excluded.until_ms, config_version = excluded.config_version
