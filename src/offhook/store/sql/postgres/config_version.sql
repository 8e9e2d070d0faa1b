SELECT coalesce(sum(config_version), 0)::bigint FROM account
