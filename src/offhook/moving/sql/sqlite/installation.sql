SELECT token_key, sealed_with FROM installation
