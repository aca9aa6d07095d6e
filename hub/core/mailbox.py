"""The connector for the citizens' mailbox: supports and ratings of reports, suggestions, wishes to be called.

GeoReport v2 has no way for any of them, so they go as a collection of their own, a hundred at a time:

    POST {mailbox_url}/mailbox    {"key":"…","items":[{"key":"…","aggregate":"…","body":{…}},…]}

An effect's body is `kind` (`support`, `rating`, `suggestion`, `callback`) with the event's own members, and
the report's reference where it speaks of one. The core counts each effect's key once; how, and what its
answers mean, is in batch.py.
"""

from hub.core.batch import BATCH_ITEMS_MAX, BATCHES_PARALLEL_MAX, BatchConnector
from hub.core.exchange import Endpoint

NAME = "mailbox"
PATH = "/mailbox"


def mailbox_connector(
    endpoint: Endpoint, *, batch_max: int = BATCH_ITEMS_MAX, parallel_max: int = BATCHES_PARALLEL_MAX
) -> BatchConnector:
    """The connector to the core's mailbox.

    Args:
        endpoint: the core whose people read and answer.
        batch_max: effects in one request.
        parallel_max: requests under way at once.
    """
    return BatchConnector(endpoint, name=NAME, path=PATH, batch_max=batch_max, parallel_max=parallel_max)
