SELECT handled FROM receiver_processed WHERE id = $1
