"""Opening: from a sealed line to an event, or to a fault that shows nothing of what was said."""

import json
from dataclasses import replace

import pytest

from hub.ingest.opening import CONTEXTS_KEPT, OpenedLine, Opener
from shared.model.event import Stream
from shared.protocol.delivery import HubEpoch
from shared.protocol.lines import Stamp, compose
from shared.protocol.sealing import HubSealingKey, OpenedContext, SealedContext
from tests.support.street import Kiosk, sealing_key

PAYMENTS = Stream.PAYMENTS
ID = "01930d3e-8a00-7000-8000-000000000001"


@pytest.fixture
def kiosk() -> Kiosk:
    kiosk = Kiosk()
    kiosk.fee(100)
    return kiosk


def read(
    opener: Opener,
    kiosk: Kiosk,
    *,
    device: str = "kiosk-7",
    seq: int = 1,
    contexts: dict[str, str] | None = None,
) -> OpenedLine:
    written = kiosk.epochs[PAYMENTS][0]
    here = HubEpoch(stream=PAYMENTS, epoch=written.epoch, chain=None)
    return opener.read(
        device, here, seq, written.lines[seq - 1], kiosk.contexts() if contexts is None else contexts
    )


class CountingKey(HubSealingKey):
    """A sealing key that counts how often it was used."""

    opened = 0

    def open(self, device: str, context: SealedContext) -> OpenedContext:
        self.opened += 1
        return super().open(device, context)


def test_line_that_is_sealed_to_us_is_an_event(kiosk: Kiosk) -> None:
    opened = read(Opener([sealing_key()]), kiosk)
    assert opened.fault is None
    assert opened.event is not None
    assert (opened.event.type, opened.event.data["amount_minor"]) == ("payment.captured", 100)
    assert opened.event.line == kiosk.epochs[PAYMENTS][0].lines[0]


def test_line_sealed_to_a_retired_key_is_opened(kiosk: Kiosk) -> None:
    assert read(Opener([HubSealingKey.generate(), sealing_key()]), kiosk).event is not None


def test_line_sealed_to_anothers_key_has_a_fault_that_says_nothing_of_it(kiosk: Kiosk) -> None:
    opened = read(Opener([HubSealingKey.generate()]), kiosk)
    assert opened.event is None
    assert opened.fault is not None
    assert "basuras" not in opened.fault
    assert opened.line.id == json.loads(kiosk.epochs[PAYMENTS][0].lines[0])["id"]


@pytest.mark.sentence("K-2")
@pytest.mark.sentence("K-3")
def test_line_of_another_device_or_without_its_context_has_a_fault(kiosk: Kiosk) -> None:
    opener = Opener([sealing_key()])
    assert read(opener, kiosk, device="bus-7").event is None
    assert read(opener, kiosk, contexts={}).event is None


def test_context_is_opened_once_for_many_lines(kiosk: Kiosk) -> None:
    key = CountingKey(sealing_key().raw)
    opener = Opener([key])
    kiosk.fee(200)
    for seq in (1, 2, 1):
        assert read(opener, kiosk, seq=seq).event is not None
    assert key.opened == 1


def test_contexts_that_are_kept_are_bounded_and_the_least_used_goes_first() -> None:
    class QuickKey(CountingKey):
        def open(self, device: str, context: SealedContext) -> OpenedContext:
            self.opened += 1
            return OpenedContext(bytes(32))

    key = QuickKey(sealing_key().raw)
    opener, here = Opener([key]), HubEpoch(stream=PAYMENTS, epoch="0000000a", chain=None)

    def use(name: str) -> int:
        """Read a line under a context; how often one had to be opened for it."""
        before = key.opened
        line = compose(
            1, ID, "tap.charged", Stamp("2026-11-21T10:15:00Z", 1, 1), None, ("sealed", f"{name}.1.AA")
        )
        opener.read("kiosk-7", here, 1, line, {name: "sealed"})
        return key.opened - before

    assert sum(use(f"c{n}") for n in range(CONTEXTS_KEPT)) == CONTEXTS_KEPT
    assert use("c0") == 0
    assert use("one more") == 1
    assert (use("c0"), use("c2"), use("c1")) == (0, 0, 1)


def test_body_is_the_same_at_another_place_and_another_with_any_other_word(kiosk: Kiosk) -> None:
    opener = Opener([sealing_key()])
    kiosk.fee(100)
    kiosk.fee(101)
    same, again, other = (read(opener, kiosk, seq=seq).body for seq in (1, 2, 3))
    assert same == again != other


def test_line_that_is_malformed_has_an_id_that_follows_from_its_place_and_bytes(kiosk: Kiosk) -> None:
    opener = Opener([sealing_key()])
    here = HubEpoch(stream=PAYMENTS, epoch="0000000a", chain=None)
    one, two = (opener.read("kiosk-7", here, 1, b"{", {}).line.id for _ in range(2))
    elsewhere = opener.read("kiosk-7", replace(here, epoch="0000000b"), 1, b"{", {}).line.id
    assert one == two != elsewhere
