{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="
        delete from {{ this }}
        where
            order_id in ({{ touched_keys('orders', ['id']) }})
            or order_id not in (select order_id from {{ ref('fct_orders') }})
    "
) }}

{# Those that have no rows: of an increment the touched ones, whose rows are deleted first, and what came to life. #}
with orders as (
    select fct_orders.order_id
    from {{ ref('fct_orders') }} as fct_orders
    {% if is_incremental() %}
    where fct_orders.order_id not in (select there.order_id from {{ this }} as there)
    {% endif %}
),

versions as (
    select stg_order_versions.*
    from {{ ref('stg_order_versions') }} as stg_order_versions
    inner join orders on stg_order_versions.id = orders.order_id
),

lives as (
    select
        *,
        max(iff(_deleted, _version, 0)) over (partition by id) as deleted_version
    from versions
),

{# Of an order that was deleted and inserted again only the present life counts. #}
living as (
    select *
    from lives
    where _version > deleted_version
),

compared as (
    select
        *,
        row_number() over (partition by id order by _version) as version_of_life,
        lag(status) over (partition by id order by _version) as status_before
    from living
),

entered as (
    select
        id as order_id,
        status as to_status,
        status_before as from_status,
        row_number() over (partition by id order by _version) as step,
        valid_from,
        {{ updated_until_commit() }} as updated_at,
        lead(valid_from) over (partition by id order by _version) as left_at
    from compared
    where
        version_of_life = 1
        or status is distinct from status_before
),

{# An order begins as pending. One first seen in another status got there at some time up to its last update. #}
dated as (
    select
        *,
        step > 1 or coalesce(to_status = 'pending', false) as is_moment_known,
        iff(
            step > 1 or coalesce(to_status = 'pending', false),
            valid_from,
            least(greatest(valid_from, updated_at), coalesce(left_at, greatest(valid_from, updated_at)))
        ) as changed_at,
        {{ status_place('from_status') }} as from_place,
        {{ status_place('to_status') }} as to_place
    from entered
),

final as (
    select
        order_id,
        cast(step as number(10, 0)) as step,
        from_status,
        to_status,
        changed_at,
        left_at,
        {{ exact_quotient("datediff('millisecond', changed_at, left_at)", '3600000') }} as hours_in_status,
        is_moment_known,
        coalesce(to_place - from_place > 1, false) as is_skipped,
        coalesce(to_place < from_place, false)
        or coalesce(from_status = 'cancelled', false)
        or coalesce(to_place is null and to_status != 'cancelled', true)
        or (step > 1 and coalesce(from_place is null and from_status != 'cancelled', true)) as is_illegal,
        coalesce(from_status = 'delivered' and to_status = 'cancelled', false) as is_return
    from dated
)

select * from final
