"""The Spark session of a run, whoever starts its driver: spark-submit on Kubernetes, the lab's resident driver, a test.

SETTINGS are what every run needs, and no starter has to repeat them. What differs from place to place is the starter's:
`spark.sql.catalog.lake.warehouse` always; where the region is not the AWS chain's `.client.region`; where the services
are not AWS's own `.glue.endpoint`, `.s3.endpoint` and `.s3.path-style-access`.
"""

from collections.abc import Mapping
from tempfile import gettempdir

from pyspark.sql import SparkSession

CATALOG = "lake"
SETTINGS = {
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    f"spark.sql.catalog.{CATALOG}": "org.apache.iceberg.spark.SparkCatalog",
    f"spark.sql.catalog.{CATALOG}.type": "glue",
    f"spark.sql.catalog.{CATALOG}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
    f"spark.sql.catalog.{CATALOG}.cache-enabled": "true",
    # of Spark's own catalog, which makes the folder and keeps nothing there; a pod's working folder is read-only
    "spark.sql.warehouse.dir": f"file:{gettempdir()}/spark-warehouse",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.autoBroadcastJoinThreshold": "33554432",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def session(builder: SparkSession.Builder, more: Mapping[str, str]) -> SparkSession:
    """The builder's session with SETTINGS and `more`. Its log holds errors alone: they are what is read of it."""
    for name, value in {**SETTINGS, **more}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark
