{# Every model builds into the target schema: publishing is the transformer's work, not dbt's. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema }}
{%- endmacro %}
