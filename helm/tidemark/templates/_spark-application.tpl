{{- /*
The SparkApplication of every try, but for what the submitter fills in: name, labels, arguments (the manifest's URI),
cores, executor instances and memory within what stands here.
*/}}
{{- define "tidemark.sparkApplication" -}}
{{- $spark := .Values.spark -}}
{{- $labels := dict "root" $ "component" "spark" -}}
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  namespace: {{ .Release.Namespace }}
  labels: {{- include "tidemark.labels" $labels | nindent 4 }}
spec:
  type: Python
  pythonVersion: "3"
  mode: cluster
  sparkVersion: {{ $spark.version }}
  image: {{ include "tidemark.image" (dict "root" $ "part" "spark") }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  {{- with .Values.images.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  mainApplicationFile: local:///opt/tidemark/venv/lib/python3.11/site-packages/curate_job/__main__.py
  restartPolicy:
    type: Never # the submitter decides whether a run is tried again
  timeToLiveSeconds: {{ $spark.timeToLiveSeconds }}
  sparkConf: # what differs from place to place; the rest of its settings the job brings along
    spark.sql.catalog.lake.warehouse: {{ .Values.lake.warehouse }}
    spark.sql.catalog.lake.client.region: {{ .Values.lake.region }}
    {{- with .Values.lake.glueEndpoint }}
    spark.sql.catalog.lake.glue.endpoint: {{ . }}
    {{- end }}
    {{- with .Values.lake.s3Endpoint }}
    spark.sql.catalog.lake.s3.endpoint: {{ . }}
    spark.sql.catalog.lake.s3.path-style-access: "true"
    {{- end }}
    {{- with $spark.eventLog }}
    spark.eventLog.enabled: "true"
    spark.eventLog.dir: {{ . }}
    {{- end }}
    spark.ui.enabled: "false"
  volumes:
    - name: tmp
      emptyDir: {}
  driver:
    cores: 1
    {{- include "tidemark.sparkPod" . | nindent 4 }}
  executor:
    instances: 1
    cores: 1
    {{- include "tidemark.sparkPod" . | nindent 4 }}
{{- end }}

{{- /* What driver and executors have alike. */}}
{{- define "tidemark.sparkPod" -}}
coreRequest: {{ .Values.spark.cpu }}
memory: {{ .Values.spark.memoryMib }}m
memoryOverhead: {{ .Values.spark.overhead }}
serviceAccount: {{ .Release.Name }}-spark
labels: {{- include "tidemark.selector" (dict "root" . "component" "spark") | nindent 2 }}
env:
  - { name: AWS_REGION, value: {{ .Values.lake.region }} }
  {{- include "tidemark.secretEnv" (dict "root" . "group" "lake") | nindent 2 }}
podSecurityContext:
  runAsUser: 185
  runAsGroup: 185
  fsGroup: 185
securityContext: {{- include "tidemark.containerSecurity" . | nindent 2 }}
volumeMounts:
  - { name: tmp, mountPath: /tmp }
{{- end }}
