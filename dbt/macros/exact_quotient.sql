{#
    amount / divisor with two decimals, rounded half away from zero, null when the divisor is 0.
    Engines give quotients of decimals as floats or cut them at some scale; whole hundredths and their remainder do not lie.
#}
{% macro exact_quotient(amount, divisor) -%}
    {%- set hundredths = "abs(" ~ amount ~ ") * 100" -%}
    cast(
        iff(
            {{ divisor }} = 0, null,
            sign({{ amount }}) * (
                ({{ hundredths }} - mod({{ hundredths }}, {{ divisor }})) / nullif({{ divisor }}, 0)
                + iff(2 * mod({{ hundredths }}, {{ divisor }}) >= {{ divisor }}, 1, 0)
            ) / 100
        ) as number(38, 2)
    )
{%- endmacro %}
