# syntax=docker/dockerfile:1
# The Spark job: docker build -f images/spark.Dockerfile .
# Spark and its Kubernetes entrypoint are the official image's; beside them stand the job and Iceberg's jars.
ARG SPARK_IMAGE=spark:4.1.4-scala2.13-java17-ubuntu
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY requirements-uv.lock ./
RUN python -m pip install --no-cache-dir --require-hashes --no-deps -r requirements-uv.lock
# The base is Ubuntu 22.04, whose Python is 3.10. This build of 3.11 runs on any Linux; uv checks its hash.
RUN python -m uv python install --install-dir /opt/python 3.11 \
    && ln -s /opt/python/cpython-3.11*/bin/python3.11 /opt/python/python3.11
COPY . .
RUN python images/environment.py curate-job /opt/tidemark --interpreter /opt/python/python3.11

FROM ${SPARK_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tidemark-spark" \
      org.opencontainers.image.description="tidemark's Spark job" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# As in libs/lab/tidemark_lab/locks/spark.lock; a test holds the two together.
ADD --chmod=644 --checksum=sha256:3123c3798af642dd537230923548e013ef41cc28b6626e5225808cf5670a0f82 \
    https://repo1.maven.org/maven2/org/apache/iceberg/iceberg-spark-runtime-4.1_2.13/1.12.0/iceberg-spark-runtime-4.1_2.13-1.12.0.jar \
    /opt/spark/jars/
ADD --chmod=644 --checksum=sha256:dd7e49ffa4ac9b215bed846581991259e3aec9bb2fa08d6cec029c46cd66d957 \
    https://repo1.maven.org/maven2/org/apache/iceberg/iceberg-aws-bundle/1.12.0/iceberg-aws-bundle-1.12.0.jar \
    /opt/spark/jars/
COPY --from=build /opt/python /opt/python
COPY --from=build /opt/tidemark /opt/tidemark
ENV PYSPARK_PYTHON=/opt/tidemark/venv/bin/python \
    PYTHONDONTWRITEBYTECODE=1
USER 185:185
