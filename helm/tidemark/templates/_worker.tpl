{{- /*
A service: its service account, settings, Service (for /metrics) and StatefulSet. dict "root" $ "name" name
"groups" (the settings it needs besides kafka); and, where it has them, "env" (ConfigMap entries of its own) "api" (true:
it speaks to Kubernetes) "file" and "text" (a file of its own in /etc/tidemark, kept in its ConfigMap).

A StatefulSet, because a stage is one process with one name (docs/adr/0021-one-process-a-stage.md).
*/}}
{{- define "tidemark.worker" -}}
{{- $root := .root -}}
{{- $full := printf "%s-%s" $root.Release.Name .name -}}
{{- $worker := index $root.Values.workers .name -}}
{{- $labels := dict "root" $root "component" .name -}}
{{- $groups := prepend .groups "kafka" -}}
{{- $settings := include "tidemark.workerSettings" . -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $full }}
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
  {{- with $worker.roleArn }}
  annotations:
    eks.amazonaws.com/role-arn: {{ . | quote }}
  {{- end }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $full }}
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
data: {{- $settings | nindent 2 }}
{{- if .file }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $full }}-file
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
data:
  {{ .file }}: | {{- .text | nindent 4 }}
{{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $full }}
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true # a stage that is not ready has metrics too
  selector: {{- include "tidemark.selector" $labels | nindent 4 }}
  ports:
    - { name: health, port: 8080, targetPort: health }
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $full }}
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
spec:
  serviceName: {{ $full }}
  replicas: {{ $worker.replicas }}
  podManagementPolicy: Parallel # a version that never gets ready must not hold up the one that mends it
  selector:
    matchLabels: {{- include "tidemark.selector" $labels | nindent 6 }}
  template:
    metadata:
      labels: {{- include "tidemark.labels" $labels | nindent 8 }}
      annotations:
        checksum/settings: {{ printf "%s%s" $settings (.text | default "") | sha256sum }}
    spec:
      serviceAccountName: {{ $full }}
      automountServiceAccountToken: {{ .api | default false }}
      enableServiceLinks: false
      {{- with include "tidemark.pullSecrets" $root }}
      imagePullSecrets: {{- . | nindent 8 }}
      {{- end }}
      # The runner lets its handler finish for 20 s, then leaves the group, which may take 10 s.
      terminationGracePeriodSeconds: 45
      securityContext:
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
      containers:
        - name: {{ .name }}
          image: {{ include "tidemark.image" (dict "root" $root "part" .name) }}
          imagePullPolicy: {{ $root.Values.images.pullPolicy }}
          envFrom:
            - configMapRef: { name: {{ $full }} }
          {{- with include "tidemark.secretsEnv" (dict "root" $root "groups" $groups) }}
          env: {{- . | nindent 12 }}
          {{- end }}
          ports:
            - { name: health, containerPort: 8080 }
          # Alive is: the loop comes round. It does so while a handler works, so a long run is no reason to end it.
          startupProbe: { httpGet: { path: /livez, port: health }, periodSeconds: 5, failureThreshold: 60 }
          livenessProbe: { httpGet: { path: /livez, port: health }, periodSeconds: 20, timeoutSeconds: 5 }
          readinessProbe: { httpGet: { path: /readyz, port: health }, periodSeconds: 10, timeoutSeconds: 5 }
          resources: {{- include "tidemark.resources" $worker | nindent 12 }}
          securityContext: {{- include "tidemark.containerSecurity" . | nindent 12 }}
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            {{- if .file }}
            - { name: file, mountPath: /etc/tidemark/{{ .file }}, subPath: {{ .file }}, readOnly: true }
            {{- end }}
            {{- include "tidemark.secretMounts" (dict "root" $root "groups" $groups) | nindent 12 }}
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 1Gi }
        {{- if .file }}
        - name: file
          configMap: { name: {{ $full }}-file }
        {{- end }}
        {{- include "tidemark.secretVolumes" (dict "root" $root "groups" $groups) | nindent 8 }}
{{- end }}

{{- /* The worker's ConfigMap entries: its groups', its own and those of its values; the last one counts. */}}
{{- define "tidemark.workerSettings" -}}
{{- $root := .root -}}
{{- $found := dict "TIDEMARK_HEALTH_HOST" "0.0.0.0" "TIDEMARK_HEALTH_PORT" "8080" -}}
{{- with include "tidemark.tracesEndpoint" $root }}{{ $_ := set $found "TIDEMARK_OTLP_ENDPOINT" . }}{{ end -}}
{{- range prepend .groups "kafka" -}}
{{- $found = mergeOverwrite $found (include "tidemark.settings" (dict "root" $root "group" .) | fromYaml) -}}
{{- end -}}
{{- $found = mergeOverwrite $found (.env | default dict) (index $root.Values.workers .name).env -}}
{{- toYaml $found -}}
{{- end }}

{{- /* Secrets of several groups as environment variables: dict "root" $ "groups" list. */}}
{{- define "tidemark.secretsEnv" -}}
{{- $root := .root -}}
{{- range .groups -}}
{{- include "tidemark.secretEnv" (dict "root" $root "group" .) -}}
{{- end -}}
{{- end }}
