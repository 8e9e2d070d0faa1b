SELECT max(id) FROM (
    SELECT id FROM attempt WHERE id > :after AND id <= :through ORDER BY id LIMIT :limit
)
