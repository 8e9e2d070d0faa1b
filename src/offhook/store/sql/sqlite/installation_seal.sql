UPDATE installation SET token_key = :token_key, sealed_with = :sealed_with
