SELECT token_key FROM installation
