SELECT webhook, created_ms, secret, expires_ms, public_key FROM webhook_secret
