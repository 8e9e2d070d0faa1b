UPDATE receiver_event SET state = failed.state, error = failed.error, changed_at = now()
FROM unnest($1::text[], $2::text[], $3::text[]) AS failed (id, state, error)
WHERE receiver_event.id = failed.id AND receiver_event.state = 'waiting'
