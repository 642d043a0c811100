-- name: inventory_cover
-- Products by how long their stock lasts.
WITH BANDED AS (
    SELECT
        CASE
            WHEN STOCK_QUANTITY IS NULL THEN 6
            WHEN DAYS_OF_COVER IS NULL THEN 5
            WHEN DAYS_OF_COVER < 7 THEN 1
            WHEN DAYS_OF_COVER < 28 THEN 2
            WHEN DAYS_OF_COVER < 90 THEN 3
            ELSE 4
        END AS PLACE,
        STOCK_QUANTITY
    FROM MARTS.INVENTORY_INSIGHTS
)

SELECT
    DECODE(
        PLACE, 1, 'less than 7', 2, '7 to 28', 3, '28 to 90', 4, '90 or more', 5, 'no demand', 6, 'stock not known'
    ) AS COVER,
    COUNT(*) AS PRODUCTS,
    SUM(STOCK_QUANTITY) AS STOCK_QUANTITY
FROM BANDED
GROUP BY PLACE
ORDER BY PLACE;
