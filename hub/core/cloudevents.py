"""The connector for subscribers: committed events as CloudEvents, in batches, to one address of the city.

An effect's body is the event. Whoever takes a batch answers with any status of success; what was sent again
after a lost answer is told by `source` and `id`, as the specification wants it.

Source: CloudEvents 1.0.2, JSON event format (batched content mode) and HTTP protocol binding, section 3.3.
"""

from collections.abc import Sequence

from hub.core.batch import BATCH_ITEMS_MAX, BATCHES_PARALLEL_MAX, BatchConnector
from hub.core.exchange import Endpoint
from hub.core.port import Done, Effect, Result
from hub.usecases.cloud_events import CLOUDEVENTS


class CloudEventBatch:
    """A batch is the list of its events."""

    media_type = "application/cloudevents-batch+json"

    def write(self, key: str, effects: Sequence[Effect]) -> object:
        """Write the events; the batch's own key goes along as a header."""
        del key
        return [effect.body for effect in effects]

    def read(self, body: bytes, effects: Sequence[Effect]) -> Sequence[Result]:
        """Take the status for an answer: a subscriber says nothing more."""
        del body
        return [Done(core_ref=str(effect.key)) for effect in effects]


def cloudevents_connector(
    endpoint: Endpoint, *, batch_max: int = BATCH_ITEMS_MAX, parallel_max: int = BATCHES_PARALLEL_MAX
) -> BatchConnector:
    """The connector to a subscriber.

    Args:
        endpoint: its whole address.
        batch_max: events in one request.
        parallel_max: requests under way at once.
    """
    return BatchConnector(
        endpoint,
        name=CLOUDEVENTS,
        path="",
        batch_max=batch_max,
        parallel_max=parallel_max,
        form=CloudEventBatch(),
    )
