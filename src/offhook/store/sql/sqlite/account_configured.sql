INSERT INTO account (id, name, config_version, hash_key)
VALUES (:account, :account, 1, randomblob(32))
ON CONFLICT (id) DO UPDATE SET config_version = config_version + 1
