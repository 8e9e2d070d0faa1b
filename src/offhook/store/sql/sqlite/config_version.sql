SELECT coalesce(sum(config_version), 0) FROM account
