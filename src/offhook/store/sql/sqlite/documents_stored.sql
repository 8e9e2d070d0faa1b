SELECT json_group_array(json_array(id, document)) FROM resource WHERE kind = :kind
