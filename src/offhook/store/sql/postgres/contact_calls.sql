SELECT
    EXISTS (
        SELECT 1 FROM call
        WHERE call.account = probe.account
            AND call.contact_number = probe.number
            AND call.started_ms >= probe.started_ms - :window_ms::bigint
            AND call.started_ms < probe.started_ms
            AND NOT call.duplicate AND NOT call.test
            AND call.id <> ALL(:excluded::text[])
    ),
    ARRAY(
        SELECT call.id FROM call
        WHERE call.account = probe.account
            AND call.contact_number = probe.number
            AND call.started_ms > probe.started_ms
            AND call.started_ms <= probe.started_ms + :window_ms::bigint
            AND NOT call.duplicate AND NOT call.test
            AND NOT call.repeat_caller
            AND call.id <> ALL(:excluded::text[])
    )
FROM unnest(:accounts::text[], :numbers::text[], :started_ms::bigint[])
    WITH ORDINALITY AS probe (account, number, started_ms, place)
ORDER BY probe.place
