INSERT INTO account (id, name, config_version) VALUES (:account, :name, 0)
ON CONFLICT (id) DO NOTHING
