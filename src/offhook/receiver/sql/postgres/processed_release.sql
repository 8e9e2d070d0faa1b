DELETE FROM receiver_processed WHERE id = $1 AND NOT handled
