# syntax=docker/dockerfile:1
# One service, or the command line: docker build -f images/service.Dockerfile --build-arg SERVICE=loader .
# SERVICE: ingest-watcher | spark-submitter | loader | transformer | reconciler | notifier | console | cli
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG SERVICE
WORKDIR /src
COPY requirements-uv.lock ./
RUN python -m pip install --no-cache-dir --require-hashes --no-deps -r requirements-uv.lock
COPY . .
RUN python images/environment.py "${SERVICE}" /opt/tidemark

FROM ${PYTHON_IMAGE}
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tidemark-${SERVICE}" \
      org.opencontainers.image.description="tidemark's ${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/tidemark /opt/tidemark
# The root file system is read-only in the cluster: only /tmp is written to. No name is needed for the user.
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    HOME=/tmp \
    LOGNAME=tidemark \
    TIDEMARK_DBT_PROJECT=/opt/tidemark/dbt
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["/opt/tidemark/start"]
