{{- /*
One of the parts that only a cluster of one's own needs: its Service and a StatefulSet of one pod. dict "root" $ "name"
"ports" (dict of name: number) "user" (uid and gid) "container" (YAML of the container but for what all have alike)
"config" (dict of file: text, mounted at /etc/tidemark) "data" (a path that outlives the process; none: nothing does).
*/}}
{{- define "tidemark.local" -}}
{{- $root := .root -}}
{{- $full := printf "%s-%s" $root.Release.Name .name -}}
{{- $labels := dict "root" $root "component" .name -}}
{{- $part := index $root.Values.local .name -}}
{{- $storage := ternary $root.Values.local.storage "" (ne .data "") -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ $full }}
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
spec:
  selector: {{- include "tidemark.selector" $labels | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - { name: {{ $name }}, port: {{ $port }}, targetPort: {{ $name }} }
    {{- end }}
{{- if .config }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $full }}
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
data: {{- toYaml .config | nindent 2 }}
{{- end }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $full }}
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
spec:
  serviceName: {{ $full }}
  podManagementPolicy: Parallel
  selector:
    matchLabels: {{- include "tidemark.selector" $labels | nindent 6 }}
  template:
    metadata:
      labels: {{- include "tidemark.labels" $labels | nindent 8 }}
      annotations:
        checksum/config: {{ toYaml .config | sha256sum }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        runAsUser: {{ .user }}
        runAsGroup: {{ .user }}
        fsGroup: {{ .user }}
      containers:
        - name: {{ .name }}
          image: {{ $part.image }}
          ports:
            {{- range $name, $port := .ports }}
            - { name: {{ $name }}, containerPort: {{ $port }} }
            {{- end }}
          {{- .container | nindent 10 }}
          resources: {{- include "tidemark.resources" (dict "cpu" "100m" "memory" $part.memory) | nindent 12 }}
          securityContext: {{- include "tidemark.containerSecurity" . | nindent 12 }}
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            {{- if .config }}
            - { name: config, mountPath: /etc/tidemark, readOnly: true }
            {{- end }}
            {{- with .data }}
            - { name: data, mountPath: {{ . }} }
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 500Mi }
        {{- if .config }}
        - name: config
          configMap: { name: {{ $full }} }
        {{- end }}
        {{- if and .data (not $storage) }}
        - name: data
          emptyDir: { sizeLimit: 2Gi }
        {{- end }}
  {{- with $storage }}
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: {{ . }} } }
  {{- end }}
{{- end }}
