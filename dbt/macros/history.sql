{#
    Type 2 history out of versions: neighbours with the same tracked values are one row, a delete ends a row, a row that
    is inserted again begins a new one. Gives the key as `id`, the tracked columns, version (1, 2, ...), valid_from and
    valid_to (null while it is true).
#}
{% macro history_of(versions, tracked) %}
    with compared as (
        select
            *,
            lag(_deleted) over (partition by id order by _version) as _was_deleted
            {%- for column in tracked %},
            lag({{ column }}) over (partition by id order by _version) as _was_{{ column }}
            {%- endfor %}
        from {{ versions }}
    ),

    begun as (
        select
            *,
            iff(
                coalesce(_was_deleted, true)
                {%- for column in tracked %}
                    or {{ column }} is distinct from _was_{{ column }}
                {%- endfor %},
                1, 0
            ) as _begins
        from compared
        where not _deleted
    ),

    grouped as (
        select
            *,
            sum(_begins) over (
                partition by id order by _version rows between unbounded preceding and current row
            ) as version
        from begun
    )

    select
        id,
        version,
        {% for column in tracked -%}
        {{ column }},
        {% endfor -%}
        min(valid_from) as valid_from,
        iff(count_if(valid_to is null) > 0, null, max(valid_to)) as valid_to
    from grouped
    group by id, version, {{ tracked | join(", ") }}
{% endmacro %}

{# When a version's row was last updated by its own clock, which does not count beyond its commit. #}
{% macro updated_until_commit() -%}
    least(coalesce(updated_at, _source_ts, valid_from), coalesce(_source_ts, valid_from))
{%- endmacro %}
