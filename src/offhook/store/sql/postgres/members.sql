SELECT owner FROM member WHERE consumer = :consumer
