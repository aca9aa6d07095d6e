"""The connector for notices: what citizens saw, subscribed and consented to, a hundred at a time.

An effect's body is the response: notice, version, what was done, and the citizen's pseudonym. The core
counts each effect's key once; how, and what its answers mean, is in batch.py.
"""

from hub.core.batch import BATCH_ITEMS_MAX, BATCHES_PARALLEL_MAX, BatchConnector
from hub.core.exchange import Endpoint

NAME = "notices"
PATH = "/notices"


def notices_connector(
    endpoint: Endpoint, *, batch_max: int = BATCH_ITEMS_MAX, parallel_max: int = BATCHES_PARALLEL_MAX
) -> BatchConnector:
    """The connector to the core's register of notices.

    Args:
        endpoint: the core that keeps consents and subscriptions.
        batch_max: effects in one request.
        parallel_max: requests under way at once.
    """
    return BatchConnector(endpoint, name=NAME, path=PATH, batch_max=batch_max, parallel_max=parallel_max)
