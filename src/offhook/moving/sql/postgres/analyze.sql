ANALYZE
    event, event_kept, key_head, call, event_key, timer, lease, member, held, webhook_start,
    pending, attempt, replay, replay_range, dispatch_request, announcement, resource, webhook_secret, account, api_key, endpoint_health,
    filter_fault, endpoint_minute
