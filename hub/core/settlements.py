"""The connector for money: booked payments go to the core's settlements, a hundred at a time.

An effect's body is what the ledger booked: kind, amount in minor units with its currency, when, and what
reverses what. The core counts each effect's key once; how, and what its answers mean, is in batch.py.
"""

from hub.core.batch import BATCH_ITEMS_MAX, BATCHES_PARALLEL_MAX, BatchConnector
from hub.core.exchange import Endpoint

NAME = "settlements"
PATH = "/settlements"


def settlements_connector(
    endpoint: Endpoint, *, batch_max: int = BATCH_ITEMS_MAX, parallel_max: int = BATCHES_PARALLEL_MAX
) -> BatchConnector:
    """The connector to the core's settlements.

    Args:
        endpoint: the core that keeps the city's accounts.
        batch_max: effects in one request.
        parallel_max: requests under way at once.
    """
    return BatchConnector(endpoint, name=NAME, path=PATH, batch_max=batch_max, parallel_max=parallel_max)
