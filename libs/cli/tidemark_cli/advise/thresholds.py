"""Every bound of the rules, with where it comes from. "Ours": no document names a number; change it here."""

MB, GB = 10**6, 10**9

# How far back is looked. Ours: two weekly rhythms, and less than the shortest history (ACCOUNT_USAGE keeps a year).
DAYS = 14

# Queued time per running time from which a warehouse is too small. Ours: Snowflake's "Overview of warehouses" only says
# that queueing means more resources are needed; a tenth is what a reader of a dashboard notices.
QUEUED_SHARE = 0.1
# Below this a warehouse never waits, so that a smaller one is worth a try. Ours.
UNQUEUED_SHARE = 0.01
# "Warehouse considerations": size matters for large, complex queries; small ones need not get faster by it. Ours: nine
# in ten queries at work for less than 10 s have room to be slower.
QUICK_SECONDS = 10.0

# Snowflake bills each start for 60 s at least ("Overview of warehouses"), so that stopping earlier saves nothing, and
# init/account.sql sets just that.
SUSPEND_SECONDS = 60

# Spill to remote storage is always worth a look, to local disk from 1 GB. Snowflake, "Queries too large to fit in
# memory": remote spill slows a query more than local spill; the gigabyte is ours.
SPILLED_LOCAL_BYTES = 1 * GB

# Snowflake recommends clustering keys for tables with many micro-partitions ("Clustering keys & clustered tables");
# statements over fewer are not judged. The numbers are ours.
PRUNING_PARTITIONS = 1_000
PRUNED_SCAN_SHARE = 0.5
CLUSTERING_PARTITIONS = 1_000
# The histogram of SYSTEM$CLUSTERING_INFORMATION counts depths one by one up to 16 and doubles from there: what it
# resolves no further is deep.
CLUSTERING_DEPTH = 16.0

# "Preparing your data files": 100 to 250 MB compressed. The number of files that it takes to matter is ours.
FILE_BYTES = 100 * MB
FILES = 100

# Ours: a table of less than a million rows is rebuilt in seconds, and who changes more than a twentieth of it gains
# little by picking out the changes; five runs are no accident.
LARGE_ROWS = 1_000_000
CHANGED_SHARE = 0.05
RUNS = 5
# Ours: more than one whole rebuild in ten runs is a habit, not a repair.
FULL_SHARE = 0.1

# Ours: no read in all the days looked at.
READS = 0

# Ours: under half busy, half the executors would do. Runs shorter than a minute mostly wait for the catalog.
BUSY_SHARE = 0.5
SPARK_SECONDS = 60.0
# Spark splits a shuffle partition that is 5 times the median and over 256 MB (spark.sql.adaptive.skewJoin's defaults);
# each split is skew by Spark's own judgement.
SKEWED = 1
