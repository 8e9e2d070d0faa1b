DELETE FROM processed WHERE id = :id AND NOT handled
