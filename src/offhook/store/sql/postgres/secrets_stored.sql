SELECT webhook, secret FROM webhook_secret
