{#
    Incremental models, in one statement or two. They are built in a schema that one process has for itself, on a clone of
    what is published (the transformer makes it, and widens its columns as RAW's), so that dbt's own way is not needed: a
    temporary relation, three descriptions of columns and a transaction, eight statements a model.

    merge (for a model whose keys never go): one MERGE by unique_key. append: the model's pre_hook deletes what may no
    longer be so, and the model brings what is missing. The columns are those that the yml names.
#}
{% materialization incremental, adapter='snowflake', supported_languages=['sql'] %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set columns = model.columns.keys() | list -%}
    {%- set strategy = config.require('incremental_strategy') -%}

    {% if not is_incremental() %}
        {% call statement('main') %}
            {{ create_table_as(False, target_relation, compiled_code) }}
        {% endcall %}
    {% elif strategy == 'merge' %}
        {% call statement('main') %}
            merge into {{ target_relation }} as there
            using (
                {{ compiled_code }}
            ) as new
            on
                {% for column in config.require('unique_key') -%}
                {% if not loop.first %}and {% endif %}there.{{ column }} = new.{{ column }}
                {% endfor %}
            when matched then update set
                {% for column in columns -%}
                {{ column }} = new.{{ column }}{{ "," if not loop.last }}
                {% endfor %}
            when not matched then
                insert ({{ columns | join(", ") }})
                values (new.{{ columns | join(", new.") }})
        {% endcall %}
    {% elif strategy == 'append' %}
        {{ run_hooks(pre_hooks) }}
        {% call statement('main') %}
            insert into {{ target_relation }} ({{ columns | join(", ") }})
            {{ compiled_code }}
        {% endcall %}
    {% else %}
        {{ exceptions.raise_compiler_error("incremental_strategy must be merge or append, not " ~ strategy) }}
    {% endif %}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
