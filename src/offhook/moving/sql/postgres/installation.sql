UPDATE installation SET token_key = $1::bytea, sealed_with = $2::text
