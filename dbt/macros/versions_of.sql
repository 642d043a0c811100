{#
    Every version of each key, in the order in which they count; the last one is the change that latest_change finds.

    Log rows stand by _lsn (at one LSN c < u < d). r rows, and changes without an LSN, stand by _ts_ms: those that are
    not later than the first log row come first, those later than the last log row come last. What was read in between
    tells nothing that the log does not say better, and is left out.

    Adds _version (1, 2, ...) and the half-open interval [valid_from, valid_to) in which the version was true; valid_to
    is null while it is. It began when the source committed it. A first version that is no delete began when its row was
    created, so that an old order meets the price of the row that a snapshot read much later; of a row that was read
    again after the log's end, its own updated_at is nearer to the truth. No row's clock counts beyond its commit, and
    no version begins before the one that it follows.
#}
{% macro versions_of(changes, key) %}
    {%- set key_columns = key | join(", ") %}
    with deliveries as (
        {{ deliveries_of(changes, key) }}
    ),

    beside_the_log as (
        select
            *,
            max(iff(_in_log_order, 1, 0)) over (partition by {{ key_columns }}) = 1 as _has_log,
            first_value(iff(_in_log_order, _ts_ms, null)) over (
                partition by {{ key_columns }} order by iff(_in_log_order, 0, 1), _lsn, _op_rank, _ts_ms
            ) as _log_begins_ms,
            first_value(iff(_in_log_order, _ts_ms, null)) over (
                partition by {{ key_columns }} order by iff(_in_log_order, 0, 1), _lsn desc, _op_rank desc, _ts_ms
            ) as _log_ends_ms
        from deliveries
    ),

    placed as (
        select
            *,
            case
                when _in_log_order then 1
                when _has_log and _ts_ms > _log_ends_ms then 2
                when not _has_log or _ts_ms <= _log_begins_ms then 0
            end as _place
        from beside_the_log
    ),

    numbered as (
        select
            *,
            row_number() over (
                partition by {{ key_columns }}
                order by
                    _place,
                    iff(_in_log_order, _lsn, _ts_ms),
                    iff(_in_log_order, 0, coalesce(_lsn, -1)),
                    _op_rank
            ) as _version,
            coalesce(
                _source_ts, dateadd('millisecond', _ts_ms, cast('1970-01-01 00:00:00' as timestamp_ntz))
            ) as _committed_at
        from placed
        where _place is not null
    ),

    begun as (
        select
            *,
            max(
                case
                    when _version = 1 and _op != 'd' then least(coalesce(created_at, _committed_at), _committed_at)
                    when _place = 2 and _op = 'r' then least(coalesce(updated_at, _committed_at), _committed_at)
                    else _committed_at
                end
            ) over (
                partition by {{ key_columns }} order by _version rows between unbounded preceding and current row
            ) as valid_from
        from numbered
    )

    select
        *,
        lead(valid_from) over (partition by {{ key_columns }} order by _version) as valid_to
    from begun
{% endmacro %}
