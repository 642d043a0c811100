{{- /*
A pod that runs the command line once: dict "root" $ "component" name "args" list "groups" list. It has no rights in
Kubernetes. "resources" are init's.
*/}}
{{- define "tidemark.commandPod" -}}
{{- $root := .root -}}
restartPolicy: {{ .restart }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with include "tidemark.pullSecrets" $root }}
imagePullSecrets: {{- . | nindent 2 }}
{{- end }}
securityContext:
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
containers:
  - name: {{ .component }}
    image: {{ include "tidemark.image" (dict "root" $root "part" "cli") }}
    imagePullPolicy: {{ $root.Values.images.pullPolicy }}
    args: {{- toYaml .args | nindent 6 }}
    env:
      {{- range .groups }}
      {{- range $name, $value := include "tidemark.settings" (dict "root" $root "group" .) | fromYaml }}
      - { name: {{ $name }}, value: {{ $value | quote }} }
      {{- end }}
      {{- end }}
      {{- include "tidemark.secretsEnv" (dict "root" $root "groups" .groups) | nindent 6 }}
    resources: {{- include "tidemark.resources" $root.Values.init | nindent 6 }}
    securityContext: {{- include "tidemark.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - { name: tmp, mountPath: /tmp }
      {{- include "tidemark.secretMounts" (dict "root" $root "groups" .groups) | nindent 6 }}
volumes:
  - name: tmp
    emptyDir: { sizeLimit: 100Mi }
  {{- include "tidemark.secretVolumes" (dict "root" $root "groups" .groups) | nindent 2 }}
{{- end }}
