SELECT webhook, errors, last_error, last_event, last_ms FROM filter_fault
