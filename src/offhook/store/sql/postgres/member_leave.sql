DELETE FROM member WHERE consumer = :consumer AND owner = :owner
