SELECT state FROM receiver_event WHERE id = :id
