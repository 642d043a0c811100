{# Two comma-separated lists of flags as one; null when neither has any. #}
{% macro joined_flags(first, second) -%}
    case
        when {{ first }} is null then {{ second }}
        when {{ second }} is null then {{ first }}
        else {{ first }} || ',' || {{ second }}
    end
{%- endmacro %}

{#
    The condition that keeps flagged rows (as they are kept by default) or, with exclude_flagged, leaves them out. Not for
    marts that are held against the speed layer: it has no flags and leaves nothing out.
#}
{% macro kept(flagged) -%}
    {%- if var('exclude_flagged') -%} not {{ flagged }} {%- else -%} true {%- endif -%}
{%- endmacro %}
