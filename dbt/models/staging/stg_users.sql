{{ config(unique_key=['id']) }}

with changes as (
    {{ changes_of_window('users', ['id']) }}
),

latest as (
    {{ latest_change('changes', ['id']) }}
),

recomputed as (
    select
        id,
        email,
        first_name,
        last_name,
        created_at,
        updated_at,
        _op,
        _lsn,
        _ts_ms,
        _source_ts,
        _flags,
        _run_seq,
        _op = 'd' as _deleted
    from latest
),

{% if is_incremental() %}
{# Uniqueness is a property of all live users: whoever shares an e-mail with a touched one, now or before, is redone. #}
affected_emails as (
    select email
    from recomputed
    union
    select previous.email
    from {{ this }} as previous
    inner join recomputed on previous.id = recomputed.id
),

neighbours as (
    select
        previous.id,
        previous.email,
        previous.first_name,
        previous.last_name,
        previous.created_at,
        previous.updated_at,
        previous._op,
        previous._lsn,
        previous._ts_ms,
        previous._source_ts,
        previous._flags,
        previous._run_seq,
        previous._deleted
    from {{ this }} as previous
    inner join affected_emails on previous.email = affected_emails.email
    left join recomputed on previous.id = recomputed.id
    where recomputed.id is null
),

affected as (
    select * from recomputed
    union all
    select * from neighbours
),
{% else %}
affected as (
    select * from recomputed
),
{% endif %}

counted as (
    select
        *,
        count_if(not _deleted) over (partition by email) as live_users_with_email
    from affected
),

final as (
    select
        id,
        email,
        first_name,
        last_name,
        created_at,
        updated_at,
        _op,
        _lsn,
        _ts_ms,
        _source_ts,
        _flags,
        iff(not _deleted and live_users_with_email > 1, 'email_not_unique', null) as _state_flags,
        _run_seq,
        _deleted
    from counted
)

select * from final
