-- name: revenue_by_newness
-- Each day's revenue, of customers' first orders and of all later ones.
WITH PLACED AS (
    SELECT
        CAST(ORDERED_AT AS DATE) AS "DAY",
        REVENUE,
        ROW_NUMBER() OVER (PARTITION BY USER_ID ORDER BY ORDERED_AT, ORDER_ID) AS NUMBER_OF_CUSTOMER
    FROM MARTS.FCT_ORDERS
    WHERE NOT IS_CANCELLED AND ORDERED_AT <= %(as_of)s::TIMESTAMP_NTZ(6)
)

SELECT
    "DAY",
    IFF(NUMBER_OF_CUSTOMER = 1, 'first orders', 'repeat orders') AS SERIES,
    SUM(REVENUE) AS "VALUE"
FROM PLACED
GROUP BY "DAY", IFF(NUMBER_OF_CUSTOMER = 1, 'first orders', 'repeat orders')
ORDER BY "DAY", SERIES;
