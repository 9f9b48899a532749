DESCRIPTION "The rate of a currency in euros"
PARAM currency AS STRING LIKE "USD" DESCRIPTION "Three letters"
kept = CACHE GET "rate-" + currency
IF kept THEN RETURN kept
answer = GET "https://rates.example.org/latest?base=" + currency
IF IS_ERROR(answer) THEN
    RETURN NULL
END IF
CACHE SET "rate-" + currency, answer.rates.EUR, 3600
RETURN answer.rates.EUR
