SELECT json_group_array(position) FROM event_kept WHERE account = :account AND key = :key
