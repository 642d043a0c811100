{{- /*
A group of settings as ConfigMap entries: dict "root" $ "group" kafka | lake | snowflake | clickhouse | console | alerts (a
Secret alone). What is empty is left out. Secrets come by "tidemark.secretEnv".
*/}}
{{- define "tidemark.settings" -}}
{{- $v := .root.Values -}}
{{- $found := dict -}}
{{- if eq .group "kafka" -}}
{{- $found = dict
  "TIDEMARK_KAFKA_BOOTSTRAP" (include "tidemark.kafkaBootstrap" .root)
  "TIDEMARK_KAFKA_SECURITY_PROTOCOL" $v.kafka.securityProtocol
  "TIDEMARK_KAFKA_SASL_MECHANISM" $v.kafka.saslMechanism
  "TIDEMARK_KAFKA_CA_FILE" (ternary "/etc/tidemark/kafka/ca.crt" "" (ne $v.kafka.caSecret "")) -}}
{{- else if eq .group "lake" -}}
{{- $found = dict
  "TIDEMARK_LAKE_WAREHOUSE" $v.lake.warehouse
  "TIDEMARK_LAKE_STATE" $v.lake.state
  "TIDEMARK_AWS_REGION" $v.lake.region
  "AWS_REGION" $v.lake.region
  "AWS_DEFAULT_REGION" $v.lake.region
  "TIDEMARK_GLUE_ENDPOINT" $v.lake.glueEndpoint
  "TIDEMARK_S3_ENDPOINT" $v.lake.s3Endpoint -}}
{{- else if eq .group "snowflake" -}}
{{- $found = dict
  "TIDEMARK_SNOWFLAKE_ACCOUNT" $v.snowflake.account
  "TIDEMARK_SNOWFLAKE_USER" $v.snowflake.user
  "TIDEMARK_SNOWFLAKE_DATABASE" $v.snowflake.database
  "TIDEMARK_SNOWFLAKE_WAREHOUSE" $v.snowflake.warehouse
  "TIDEMARK_SNOWFLAKE_ROLE" $v.snowflake.role
  "TIDEMARK_SNOWFLAKE_HOST" $v.snowflake.host
  "TIDEMARK_SNOWFLAKE_PORT" (ternary ($v.snowflake.port | int | toString) "" (ne $v.snowflake.host ""))
  "TIDEMARK_SNOWFLAKE_PROTOCOL" $v.snowflake.protocol
  "TIDEMARK_SNOWFLAKE_PRIVATE_KEY_FILE"
    (ternary "/etc/tidemark/snowflake/private-key.p8" "" (eq $v.snowflake.auth "key")) -}}
{{- else if eq .group "clickhouse" -}}
{{- $found = dict
  "TIDEMARK_CLICKHOUSE_HOST" (include "tidemark.clickhouseHost" .root)
  "TIDEMARK_CLICKHOUSE_PORT" (include "tidemark.clickhousePort" .root)
  "TIDEMARK_CLICKHOUSE_USER" $v.clickhouse.user
  "TIDEMARK_CLICKHOUSE_DATABASE" $v.clickhouse.database
  "TIDEMARK_CLICKHOUSE_SECURE" (ternary ($v.clickhouse.secure | toString) "false" (ne $v.clickhouse.host "")) -}}
{{- else if eq .group "console" -}}
{{- $found = dict
  "TIDEMARK_CONSOLE_URL" $v.console.url
  "TIDEMARK_CONSOLE_OIDC_ISSUER" $v.console.oidcIssuer
  "TIDEMARK_CONSOLE_OIDC_CLIENT" $v.console.oidcClient
  "TIDEMARK_CONSOLE_PROXY_HEADER" $v.console.proxyHeader
  "TIDEMARK_CONSOLE_PROXY_ADDRESSES" $v.console.proxyAddresses
  "TIDEMARK_CONSOLE_ACTORS" $v.console.actors
  "TIDEMARK_TRACE_PAGE" $v.console.tracePage -}}
{{- end -}}
{{- range $name, $value := $found }}
{{- if $value }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A group's secrets as environment variables, by reference: same arguments. */}}
{{- define "tidemark.secretEnv" -}}
{{- $v := .root.Values -}}
{{- $found := dict -}}
{{- $secret := (index $v .group).secret -}}
{{- if eq .group "kafka" -}}
{{- $found = dict "TIDEMARK_KAFKA_SASL_USERNAME" "username" "TIDEMARK_KAFKA_SASL_PASSWORD" "password" -}}
{{- else if eq .group "lake" -}}
{{- $found = dict "AWS_ACCESS_KEY_ID" "access-key-id" "AWS_SECRET_ACCESS_KEY" "secret-access-key"
  "AWS_SESSION_TOKEN" "session-token" -}}
{{- else if and (eq .group "snowflake") (eq $v.snowflake.auth "key") -}}
{{- $found = dict "TIDEMARK_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE" "passphrase" -}}
{{- else if eq .group "snowflake" -}}
{{- $found = dict "TIDEMARK_SNOWFLAKE_PASSWORD" "password" -}}
{{- else if eq .group "clickhouse" -}}
{{- $found = dict "TIDEMARK_CLICKHOUSE_PASSWORD" "password" -}}
{{- else if eq .group "console" -}}
{{- $found = dict "TIDEMARK_CONSOLE_TOKEN" "token" "TIDEMARK_CONSOLE_OIDC_SECRET" "oidc-secret"
  "TIDEMARK_CONSOLE_SESSION_KEY" "session-key" -}}
{{- else if eq .group "alerts" -}}
{{- $found = dict "TIDEMARK_ALERT_URLS" "urls" -}}
{{- end -}}
{{- if $secret }}
{{- range $name, $key := $found }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ $key }}
      {{- if has $key (list "session-token" "passphrase" "token" "oidc-secret" "session-key") }}
      optional: true
      {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The groups' Secrets that are read as files: dict "root" $ "groups" list. Volumes, then their mounts. */}}
{{- define "tidemark.secretVolumes" -}}
{{- $v := .root.Values }}
{{- if and (has "kafka" .groups) $v.kafka.caSecret }}
- name: kafka-ca
  secret:
    secretName: {{ $v.kafka.caSecret }}
    items: [{ key: ca.crt, path: ca.crt }]
{{- end }}
{{- if and (has "snowflake" .groups) (eq $v.snowflake.auth "key") }}
- name: snowflake-key
  secret:
    secretName: {{ $v.snowflake.secret }}
    defaultMode: 0440
    items: [{ key: private-key.p8, path: private-key.p8 }]
{{- end }}
{{- end }}

{{- define "tidemark.secretMounts" -}}
{{- $v := .root.Values }}
{{- if and (has "kafka" .groups) $v.kafka.caSecret }}
- { name: kafka-ca, mountPath: /etc/tidemark/kafka, readOnly: true }
{{- end }}
{{- if and (has "snowflake" .groups) (eq $v.snowflake.auth "key") }}
- { name: snowflake-key, mountPath: /etc/tidemark/snowflake, readOnly: true }
{{- end }}
{{- end }}
