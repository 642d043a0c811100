{#
    The percentile of a group by nearest rank: the smallest value that at least `percent` of all values do not exceed.
    place (1, 2, ... by value) and places (how many) are columns. Whole numbers only, so that every engine agrees.
#}
{% macro nearest_rank(column, percent, place, places) -%}
    min(iff({{ place }} * 100 >= {{ percent }} * {{ places }}, {{ column }}, null))
{%- endmacro %}
