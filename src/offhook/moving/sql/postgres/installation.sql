UPDATE installation SET token_key = $1::bytea
