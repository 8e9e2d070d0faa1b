DELETE FROM filter_fault WHERE webhook = :webhook
