SELECT id, name, config_version FROM account
