-- name: inventory_daily
-- Stock at each day's end, all products together.
SELECT DATE_DAY AS "DAY", SUM(STOCK_QUANTITY) AS STOCK_QUANTITY
FROM MARTS.FCT_INVENTORY_DAILY
GROUP BY DATE_DAY
ORDER BY DATE_DAY;
