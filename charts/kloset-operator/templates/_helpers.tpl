{{- define "kloset-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kloset-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "kloset-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "kloset-operator.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kloset-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kloset-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "kloset-operator.commonLabels" -}}
app.kubernetes.io/name: {{ include "kloset-operator.name" . }}
{{ include "kloset-operator.releaseLabels" . }}
{{- end }}

{{- /* A name of their own: whoever lists or ends the operator's pods by name does not mean these. */ -}}
{{- define "kloset-operator.testLabels" -}}
app.kubernetes.io/name: {{ include "kloset-operator.name" . }}-test
app.kubernetes.io/component: test
{{ include "kloset-operator.releaseLabels" . }}
{{- end }}

{{- define "kloset-operator.releaseLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: kloset-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "kloset-operator.labels" -}}
{{ include "kloset-operator.commonLabels" . }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "kloset-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kloset-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* An image from {registry, repository, tag, digest} and the chart's version. */}}
{{- define "kloset-operator.image" -}}
{{- $image := index . 0 }}
{{- $root := index . 1 }}
{{- if $image.registry }}{{ $image.registry }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default $root.Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{- /* The operator's rules as generated from its code, without what the values take away. */}}
{{- define "kloset-operator.rules" -}}
{{- $kept := list }}
{{- range (.Files.Get "files/rbac/rules.yaml" | fromYaml).rules }}
{{- if not (and (eq $.Values.secretWatch "off") (has "secrets" .resources)) }}
{{- $kept = append $kept . }}
{{- end }}
{{- end }}
{{- toYaml $kept }}
{{- end }}

{{- define "kloset-operator.metricsJob" -}}
{{- include "kloset-operator.fullname" . }}-metrics
{{- end }}

{{- /* What the restricted Pod Security Standard asks of a pod and of a container. */}}
{{- define "kloset-operator.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1654
runAsGroup: 1654
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "kloset-operator.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Names: the one thing that operator and workers both need. */}}
{{- define "kloset-operator.dnsEgress" -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
