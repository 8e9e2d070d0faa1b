SELECT handled FROM processed WHERE id = :id
