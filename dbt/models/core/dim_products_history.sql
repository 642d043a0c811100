with versions as (
    select * from {{ ref('stg_product_versions') }}
),

history as (
    {{ history_of('versions', ['name', 'price', 'category']) }}
),

final as (
    select
        id as product_id,
        cast(version as number(10, 0)) as version,
        name,
        price,
        category,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from history
)

select * from final
