SELECT account, key, last_position, last_id, last_type, last_sequence FROM key_head
