DELETE FROM webhook_secret WHERE webhook = :webhook
