-- name: daily
-- The shop day by day. Customers with orders are not summed over days, so they are not asked for.
SELECT METRIC_DATE AS "DAY", REVENUE, ORDERS, CANCELLED_ORDERS, UNITS_SOLD, NEW_CUSTOMERS
FROM MARTS.DAILY_BUSINESS_METRICS
ORDER BY METRIC_DATE;
