SELECT json_group_array(owner) FROM member WHERE consumer = :consumer
