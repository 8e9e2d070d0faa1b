DELETE FROM webhook_start WHERE webhook = :webhook
