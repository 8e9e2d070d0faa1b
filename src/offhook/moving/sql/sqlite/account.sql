SELECT id, name, config_version, hash_key FROM account
