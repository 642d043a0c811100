{{- /* A way out to anywhere but the node's own metadata service: dict "ports" list of port numbers. */}}
{{- define "tidemark.wayOut" -}}
- to:
    - ipBlock: { cidr: 0.0.0.0/0, except: [169.254.0.0/16] }
  ports:
    {{- range .ports | uniq }}
    - { protocol: TCP, port: {{ . | int }} }
    {{- end }}
{{- end }}

{{- /* A way between this release's pods: dict "root" $ "way" from | to, "components" list, "ports" list (none: all). */}}
{{- define "tidemark.wayWithin" -}}
- {{ .way }}:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: tidemark
          app.kubernetes.io/instance: {{ .root.Release.Name }}
        matchExpressions:
          - { key: app.kubernetes.io/component, operator: In, values: {{ .components | toJson }} }
  {{- with .ports }}
  ports:
    {{- range . }}
    - { protocol: TCP, port: {{ . | int }} }
    {{- end }}
  {{- end }}
{{- end }}

{{- /* One policy: dict "root" $ "name" "components" list (none: all) "ingress" "egress" texts. */}}
{{- define "tidemark.policy" -}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels: {{- include "tidemark.labels" (dict "root" .root "component" "network") | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: tidemark
      app.kubernetes.io/instance: {{ .root.Release.Name }}
    {{- with .components }}
    matchExpressions:
      - { key: app.kubernetes.io/component, operator: In, values: {{ . | toJson }} }
    {{- end }}
  policyTypes: {{ .types | toJson }}
  {{- with .ingress }}
  ingress: {{- . | nindent 4 }}
  {{- end }}
  {{- with .egress }}
  egress: {{- . | nindent 4 }}
  {{- end }}
{{ end }}

{{- /* The ports of the addresses that the values name, as a JSON list: dict "root" $ "group" name. */}}
{{- define "tidemark.ports" -}}
{{- $v := .root.Values -}}
{{- $found := list -}}
{{- if eq .group "kafka" -}}
{{- range splitList "," $v.kafka.bootstrap -}}{{- $found = append $found (splitList ":" . | last | int) -}}{{- end -}}
{{- else if eq .group "lake" -}}
{{- $found = list 443 -}}
{{- range compact (list $v.lake.glueEndpoint $v.lake.s3Endpoint) -}}
{{- $found = append $found (include "tidemark.portOf" . | int) -}}
{{- end -}}
{{- else if eq .group "snowflake" -}}
{{- $found = ternary (list 443 ($v.snowflake.port | int)) (list 443) (ne $v.snowflake.host "") -}}
{{- else if eq .group "clickhouse" -}}
{{- $found = list ($v.clickhouse.port | int) -}}
{{- end -}}
{{- $found | uniq | toJson -}}
{{- end }}
