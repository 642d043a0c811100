{# What the run's window means in SQL: literals, so that a model compiled twice for one window is the same text. #}

{% macro as_of() -%}
    {%- if execute and var('as_of_ms') is none -%}
        {{ exceptions.raise_compiler_error("as_of_ms must be given: no model reads the clock") }}
    {%- endif -%}
    {%- set epoch = modules.datetime.datetime(1970, 1, 1) -%}
    {%- set moment = epoch + modules.datetime.timedelta(milliseconds=var('as_of_ms') or 0) -%}
    cast('{{ moment.isoformat(sep=" ", timespec="milliseconds") }}' as timestamp_ntz)
{%- endmacro %}

{# Keys with a change in a run of the window, one a row (as often as they were touched). #}
{% macro touched_keys(table, key) -%}
    select {{ key | join(", ") }}
    from {{ source('raw', table) }}
    where _run_seq > {{ var('from_seq') }} and _run_seq <= {{ var('to_seq') }}
{%- endmacro %}

{# The changes a staging model reads: every change up to to_seq of every key that a run of the window touched. #}
{% macro changes_of_window(table, key) %}
    select change.*
    from {{ source('raw', table) }} as change
    where
        change._run_seq <= {{ var('to_seq') }}
        {% if is_incremental() %}
            and exists (
                select 1
                from {{ source('raw', table) }} as touched
                where
                    touched._run_seq > {{ var('from_seq') }}
                    and touched._run_seq <= {{ var('to_seq') }}
                    {% for column in key %}
                        and touched.{{ column }} = change.{{ column }}
                    {% endfor %}
            )
        {% endif %}
{% endmacro %}
