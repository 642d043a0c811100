{# The whole numbers from 0 to 9999, as `number`: for filling gaps in series of days and months. #}
{% macro numbers() %}
    with digits as (
        {% for digit in range(10) -%}
        select {{ digit }} as digit
        {% if not loop.last %}union all {% endif -%}
        {% endfor %}
    )

    select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit as number
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
{% endmacro %}
