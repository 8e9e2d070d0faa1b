DELETE FROM announcement WHERE id IN (SELECT value FROM json_each(:ids))
