{# The place of a status on an order's way; null off the way: cancelled, and statuses that the shop does not know. #}
{% macro status_place(status) -%}
    case {{ status }} when 'pending' then 1 when 'processing' then 2 when 'shipped' then 3 when 'delivered' then 4 end
{%- endmacro %}
