SELECT json_group_array(
    json_array(
        EXISTS (
            SELECT 1 FROM call
            WHERE call.account = probe.value ->> 0
                AND call.contact_number = probe.value ->> 1
                AND call.started_ms >= (probe.value ->> 2) - :window_ms
                AND call.started_ms < probe.value ->> 2
                AND call.duplicate = 0 AND call.test = 0
                AND call.id NOT IN (SELECT value FROM json_each(:excluded))
        ),
        json(
            (
                SELECT json_group_array(call.id) FROM call
                WHERE call.account = probe.value ->> 0
                    AND call.contact_number = probe.value ->> 1
                    AND call.started_ms > probe.value ->> 2
                    AND call.started_ms <= (probe.value ->> 2) + :window_ms
                    AND call.duplicate = 0 AND call.test = 0
                    AND call.repeat_caller = 0
                    AND call.id NOT IN (SELECT value FROM json_each(:excluded))
            )
        )
    )
)
FROM json_each(:probes) AS probe
