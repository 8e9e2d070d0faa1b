SELECT json_group_array(json_array(webhook, secret)) FROM webhook_secret
