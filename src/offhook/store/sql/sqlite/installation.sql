SELECT generation, token_key, sealed_with FROM installation
