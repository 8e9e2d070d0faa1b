SELECT (SELECT count(*) FROM partition_head), generation, token_key, sealed_with FROM installation
