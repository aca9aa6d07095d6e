"""A town hall for a module of tests: a reference core that keeps no keys, and a hub in front of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.usecases.take_event import PAYMENT
from shared.edge.seam import Taken
from shared.model.ids import effect_key
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore


@dataclass(frozen=True, slots=True)
class TownHall:
    """A hub process and the core behind it."""

    hub: HubProcess
    core: ReferenceCore

    def wait_for_settlements(self, device: str, taken: Sequence[Taken]) -> None:
        """Wait until the core has settled every payment, and see that it did so once."""
        self._wait_for("settlements", {str(effect_key(device, one.event_id, PAYMENT)) for one in taken})

    def wait_for_reports(self, taken: Sequence[Taken]) -> None:
        """Wait until the core has every report, and see that it has each once."""
        requests = self.hub.get("/v1/service-requests?limit=1000")["items"]
        references = {row["event_id"]: row["reference"] for row in requests}
        self._wait_for("requests", {references[one.event_id] for one in taken})

    def _wait_for(self, kind: str, keys: set[str]) -> None:
        eventually(lambda: keys <= set(self.core.counts(kind)), timeout_s=90, what=f"{kind} at the core")
        counts = self.core.counts(kind)
        assert {counts[key] for key in keys} == {1}
        assert self.core.effects()["duplicates"] == 0


def make_town_hall(
    folder: Path, stack: ExitStack, *, subscribed: bool = False, **settings: object
) -> TownHall:
    """Start a core and a hub that hands over to it, with some settings of its own.

    Args:
        folder: of both.
        stack: ends them.
        subscribed: the core takes the hub's CloudEvents too.
        settings: of the hub.
    """
    (folder / "core").mkdir()
    core = stack.enter_context(ReferenceCore(folder / "core", "--plain"))
    urls = {f"{name}_url": core.base_url for name in ("open311", "settlements", "notices", "mailbox")}
    if subscribed:
        urls["cloudevents_url"] = f"{core.base_url}/events"
    hub = HubProcess(folder / "hub", **urls, open311_settle_s=1, core_timeout_s=2, **settings)
    return TownHall(stack.enter_context(hub), core)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TownHall]:
    """One for all tests of a module; each has devices of its own."""
    with ExitStack() as stack:
        yield make_town_hall(tmp_path_factory.mktemp("hall"), stack)


@pytest.fixture
def own_hall(tmp_path: Path) -> Iterator[Callable[..., TownHall]]:
    """One of the test's own, to be put back from a backup."""
    with ExitStack() as stack:
        yield lambda **settings: make_town_hall(tmp_path, stack, **settings)
