-- name: inventory_stock_outs
-- Products that each day ended without.
SELECT DATE_DAY AS "DAY", COUNT_IF(IS_STOCK_OUT) AS OUT_OF_STOCK
FROM MARTS.FCT_INVENTORY_DAILY
GROUP BY DATE_DAY
ORDER BY DATE_DAY;
