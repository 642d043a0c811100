{# Each change once, by its earliest delivery, with what its order hangs on. Shared by latest_change and versions_of. #}
{% macro deliveries_of(changes, key) %}
        select
            *,
            _op != 'r' and _lsn is not null as _in_log_order,
            case _op when 'r' then 0 when 'c' then 1 when 'u' then 2 else 3 end as _op_rank
        from {{ changes }}
        qualify row_number() over (
            partition by {{ key | join(", ") }}, _op, _lsn, iff(_lsn is null, _ts_ms, null)
            order by _ts_ms, _run_seq, _file_name, _file_row_number
        ) = 1
{%- endmacro %}

{#
    The change that counts for each key: a function of the SET of its changes, never of the order of their arrival.

    c, u and d stand in the order of the log (_lsn; at one LSN r < c < u < d). An r row, and any change without an
    LSN (a tombstone that a rebuild wrote), stands in the order of time (_ts_ms). The best of the one kind is held
    against the best of the other by _ts_ms; on a tie the log wins. Of a change delivered several times the earliest
    delivery counts.
#}
{% macro latest_change(changes, key) %}
    {%- set key_columns = key | join(", ") %}
    with deliveries as (
        {{ deliveries_of(changes, key) }}
    ),

    best_of_each_order as (
        select *
        from deliveries
        qualify row_number() over (
            partition by {{ key_columns }}, _in_log_order
            order by
                iff(_in_log_order, _lsn, _ts_ms) desc,
                iff(_in_log_order, 0, coalesce(_lsn, -1)) desc,
                _op_rank desc
        ) = 1
    )

    select *
    from best_of_each_order
    qualify row_number() over (
        partition by {{ key_columns }}
        order by _ts_ms desc, _in_log_order desc
    ) = 1
{% endmacro %}

{#
    The same for events, which have no log: the highest _ts_ms counts, of equal rows the earliest delivery; rows of one
    millisecond that differ are told apart by their values, so that the choice does not hang on the order of arrival.
#}
{% macro latest_arrival(changes, key, columns) %}
    with deliveries as (
        select *
        from {{ changes }}
        qualify row_number() over (
            partition by {{ columns | join(", ") }}
            order by _ts_ms, _run_seq, _file_name, _file_row_number
        ) = 1
    )

    select *
    from deliveries
    qualify row_number() over (
        partition by {{ key | join(", ") }}
        order by _ts_ms desc, {{ columns | join(" desc nulls last, ") }} desc nulls last
    ) = 1
{% endmacro %}
