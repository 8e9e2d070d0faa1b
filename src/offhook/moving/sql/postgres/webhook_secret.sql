SELECT webhook, created_ms, secret, expires_ms FROM webhook_secret
