-- name: customer_tiers
-- What each tier brought in and is expected to.
SELECT
    TIER,
    COUNT(*) AS CUSTOMERS,
    SUM(ORDERS) AS ORDERS,
    SUM(LIFETIME_REVENUE) AS LIFETIME_REVENUE,
    SUM(PREDICTED_12_MONTH_VALUE) AS PREDICTED_12_MONTH_VALUE
FROM MARTS.CUSTOMER_LIFETIME_VALUE
GROUP BY TIER
ORDER BY DECODE(TIER, 'platinum', 1, 'gold', 2, 'silver', 3, 'bronze', 4, 5), TIER;
