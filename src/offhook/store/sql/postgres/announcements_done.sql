DELETE FROM announcement WHERE id = ANY(:ids::bigint[])
