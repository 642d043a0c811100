-- name: customer_top
-- Who brought in most. By number alone: the page is handed around, and e-mail addresses are nobody's business there.
SELECT USER_ID, TIER, ORDERS, DAYS_SINCE_LAST_ORDER, LIFETIME_REVENUE, PREDICTED_12_MONTH_VALUE
FROM MARTS.CUSTOMER_LIFETIME_VALUE
ORDER BY LIFETIME_REVENUE DESC, USER_ID
LIMIT 10;
