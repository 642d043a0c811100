{# Fails with every key that stands on more than one row or lacks one of its columns. One query, where dbt's own unique
   and not_null are two and one more for each column. #}
{% test primary_key(model, columns) %}
select
    {{ columns | join(", ") }},
    count(*) as n_records
from {{ model }}
group by {{ columns | join(", ") }}
having
    count(*) > 1
    {% for column in columns %}
    or {{ column }} is null
    {% endfor %}
{% endtest %}
