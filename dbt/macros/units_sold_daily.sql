{# Pieces ordered by product and day, cancelled orders left out: what fct_inventory_daily shows, and compares itself with. #}
{% macro units_sold_daily() -%}
    select
        product_id,
        cast(ordered_at as date) as date_day,
        sum(units_sold) as units_sold
    from {{ ref('fct_order_items') }}
    group by product_id, cast(ordered_at as date)
{%- endmacro %}
