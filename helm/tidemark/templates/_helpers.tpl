{{- /* Labels of a component's own objects: dict "root" $ "component" name */}}
{{- define "tidemark.labels" -}}
{{ include "tidemark.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "tidemark.selector" -}}
app.kubernetes.io/name: tidemark
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* An own image: dict "root" $ "part" name */}}
{{- define "tidemark.image" -}}
{{- $images := .root.Values.images -}}
{{- $name := printf "%s/tidemark-%s" $images.repository .part -}}
{{- with index $images.digests .part -}}
{{ $name }}@{{ . }}
{{- else -}}
{{ $name }}:{{ $images.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "tidemark.pullSecrets" -}}
{{- range .Values.images.pullSecrets }}
- name: {{ . }}
{{- end }}
{{- end }}

{{- /* What the restricted profile asks of a container, and a root file system that nobody writes to. */}}
{{- define "tidemark.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* dict "cpu" "memory": memory is promised and bounded alike, so that a full node ends nobody; cpu is only promised. */}}
{{- define "tidemark.resources" -}}
requests:
  cpu: {{ .cpu }}
  memory: {{ .memory }}
limits:
  memory: {{ .memory }}
{{- end }}

{{- define "tidemark.kafkaBootstrap" -}}
{{- .Values.kafka.bootstrap | default (printf "%s-kafka:9092" .Release.Name) -}}
{{- end }}

{{- define "tidemark.clickhouseHost" -}}
{{- .Values.clickhouse.host | default (printf "%s-clickhouse" .Release.Name) -}}
{{- end }}

{{- define "tidemark.clickhousePort" -}}
{{- ternary .Values.clickhouse.port 8123 (ne .Values.clickhouse.host "") -}}
{{- end }}

{{- define "tidemark.tracesEndpoint" -}}
{{- if .Values.traces.endpoint -}}
{{ .Values.traces.endpoint }}
{{- else if .Values.local.collector.enabled -}}
http://{{ .Release.Name }}-collector:4318/v1/traces
{{- end -}}
{{- end }}

{{- /* The port of an address with a scheme; its scheme's own where it names none. */}}
{{- define "tidemark.portOf" -}}
{{- $parts := urlParse . -}}
{{- $named := regexFind ":[0-9]+$" $parts.host | trimPrefix ":" -}}
{{- $named | default (ternary "443" "80" (eq $parts.scheme "https")) -}}
{{- end }}
