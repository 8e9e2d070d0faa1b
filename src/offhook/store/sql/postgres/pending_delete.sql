DELETE FROM pending WHERE webhook = :webhook
