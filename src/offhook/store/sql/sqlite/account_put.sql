INSERT INTO account (id, name, config_version, hash_key)
VALUES (:account, :name, 0, randomblob(32))
ON CONFLICT (id) DO NOTHING
