INSERT INTO account (id, name, config_version) VALUES (:account, :account, 1)
ON CONFLICT (id) DO UPDATE SET config_version = account.config_version + 1
