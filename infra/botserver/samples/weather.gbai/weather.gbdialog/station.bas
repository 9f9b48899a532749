' A weather station reports: POST to the bot's address "station".
WEBHOOK "station"
IF body.temperature IS NULL THEN
    RETURN { status: 400, body: { error: "temperature is missing" } }
END IF
SET BOT MEMORY "temperature", body.temperature
IF body.temperature > 35 THEN
    result = POST "https://alerts.example.org/heat", #{
        station: body.station,
        temperature: body.temperature
    }
    IF result.status <> 201 THEN LOG_WARN "the alert was not taken: " + result.status
END IF
RETURN { status: 200, body: { ok: TRUE } }
