SELECT (SELECT count(*) FROM partition_head), generation, token_key FROM installation
