"""A Ray cluster of several machines, all of them this one, for tests."""

import contextlib
import os

_NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


@contextlib.contextmanager
def running(nodes=1):
    """Start a head and further nodes, one CPU each; gives the cluster and its further nodes."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**_NODE, "include_dashboard": False})
    try:
        yield cluster, [cluster.add_node(**_NODE) for _ in range(nodes)]
    finally:
        cluster.shutdown()
