{#
    Country and region of a shipping address that reads "<number> <street>, <city>, <region> <postcode>, <country>":
    'US-TX' (as ISO 3166-2 writes it); 'unknown' where the address is not of that form.
#}
{% macro region_of(address) -%}
    iff(
        coalesce(
            length({{ address }}) - length(replace({{ address }}, ',', '')) >= 2
            and trim(split_part({{ address }}, ',', -1)) rlike '^[A-Z]{2}$'
            and split_part(trim(split_part({{ address }}, ',', -2)), ' ', 1) rlike '^[A-Z]{2,3}$',
            false
        ),
        trim(split_part({{ address }}, ',', -1)) || '-'
        || split_part(trim(split_part({{ address }}, ',', -2)), ' ', 1),
        'unknown'
    )
{%- endmacro %}
