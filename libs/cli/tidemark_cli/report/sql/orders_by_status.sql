-- name: orders_by_status
-- Orders by the day they were placed and the status they have now.
SELECT CAST(ORDERED_AT AS DATE) AS "DAY", LEFT(COALESCE(STATUS, '(none)'), 60) AS SERIES, COUNT(*) AS "VALUE"
FROM MARTS.FCT_ORDERS
WHERE ORDERED_AT <= %(as_of)s::TIMESTAMP_NTZ(6)
GROUP BY CAST(ORDERED_AT AS DATE), LEFT(COALESCE(STATUS, '(none)'), 60)
ORDER BY
    DECODE(SERIES, 'delivered', 1, 'shipped', 2, 'processing', 3, 'pending', 4, 'cancelled', 5, 6),
    SERIES,
    "DAY";
