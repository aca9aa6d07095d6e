"""What is measured where it happens: how many messages a transaction takes, and how long it takes.

Everything else that `/metrics` shows is read when it is asked for (`hub.api.metrics`): counters stand at the
parts that count, and what waits is in the database.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Histogram

GROUP_MESSAGES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)
GROUP_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Measures:
    """The histograms of one hub.

    Attributes:
        registry: what Prometheus reads.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._messages = Histogram(
            "ventanilla_ingest_group_messages",
            "Messages taken into one transaction.",
            buckets=GROUP_MESSAGES,
            registry=self.registry,
        )
        self._seconds = Histogram(
            "ventanilla_ingest_group_seconds",
            "From taking a group of messages to its COMMIT.",
            buckets=GROUP_SECONDS,
            registry=self.registry,
        )

    def group_committed(self, messages: int, seconds: float) -> None:
        """Note a transaction of the ingest."""
        self._messages.observe(messages)
        self._seconds.observe(seconds)
