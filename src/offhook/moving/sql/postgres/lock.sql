LOCK TABLE
    partition_head, installation,
    event, key_head, call, event_key, timer, lease, member, held, webhook_start,
    pending, attempt, dispatch_request, announcement, resource, webhook_secret, account, api_key, endpoint_health,
    filter_fault
IN EXCLUSIVE MODE
