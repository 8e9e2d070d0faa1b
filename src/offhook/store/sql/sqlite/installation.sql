SELECT generation, token_key FROM installation
