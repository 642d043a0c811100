#!/bin/sh
# Stands for the entrypoint of Spark's own image, which pip's pyspark lacks: the commands `driver` and `executor`, as
# Spark's Kubernetes scheduler calls them. Only debian.py uses it.
set -e
role=$1
shift
case "$role" in
driver)
    exec /usr/bin/tini -s -- /opt/spark/bin/spark-submit --deploy-mode client \
        --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" "$@"
    ;;
executor)
    options=$(env | sed -n 's/^SPARK_JAVA_OPT_[0-9]*=//p')
    # each option is one word: Spark writes them so
    # shellcheck disable=SC2086
    exec /usr/bin/tini -s -- "$JAVA_HOME/bin/java" $options "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
        -cp "/opt/spark/conf:/opt/spark/jars/*:$SPARK_EXTRA_CLASSPATH" \
        org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
        --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
        --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
        --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
*)
    exec "$role" "$@"
    ;;
esac
