-- name: segment_activity
-- Customers by how lately they ordered.
SELECT ACTIVITY, COUNT(*) AS CUSTOMERS
FROM MARTS.CUSTOMER_SEGMENTS
GROUP BY ACTIVITY
ORDER BY DECODE(ACTIVITY, 'active', 1, 'lapsing', 2, 'inactive', 3, 4), ACTIVITY;
