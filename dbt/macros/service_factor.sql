{# How many standard deviations of safety stock a service level takes: quantiles of the normal distribution. #}
{% macro service_factor() -%}
    case {{ var('service_level_percent') }} when 90 then 1.2816 when 95 then 1.6449 when 98 then 2.0537 when 99 then 2.3263 end
{%- endmacro %}
