"""What a device takes as the town's bundles have it: cards, services, and what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from shared.edge.admission import CARDS_COUNTED_MAX, Admission
from shared.edge.bundle_shelf import Held
from shared.edge.contents import Contents
from shared.edge.errors import DeniedCardError, OfflineLimitError, UnknownServiceError
from shared.edge.happenings import Happening, happening
from shared.model.event import EventType
from shared.model.wording import Language
from shared.protocol.bundle import Notice
from shared.protocol.contents import read_content
from shared.protocol.parsing import encode
from shared.protocol.versions import Version

TAKEN_MS = 1_795_000_000_000
LIFE_MS = 86_400_000
TAP = {"counter": 1, "amount_minor": 150, "currency": "EUR", "product": "sencillo"}
CREDIT = {"counter": 1, "amount_minor": 1000, "currency": "EUR", "method": "cash"}
FEE = {"reference": "R", "concept": "basuras", "amount_minor": 150, "currency": "EUR"}
REPORT = {"reference": "R", "description": "x", "channel": "kiosk"}
DENIED = {"subjects": ["stolen", "lost"]}


@dataclass
class Gate:
    """An admission whose clock and limit the test moves."""

    now_ms: int = TAKEN_MS
    limit_minor: int = 400
    events: int = 0
    contents: Contents = field(init=False)
    admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        self.contents = Contents(lambda: self.now_ms)
        self.admission = Admission(self.contents, lambda: self.limit_minor)

    def take(self, name: str, said: Mapping[str, object], n: int = 1) -> None:
        """A bundle is taken."""
        body = encode(said)
        notice = Notice(
            name=name, version=Version(1, n), sha256=b"", size=len(body), expires_ms=self.now_ms + LIFE_MS
        )
        self.contents.learn(Held(notice=notice, taken_ms=self.now_ms), read_content(name, body))

    def event(
        self, kind: EventType, data: Mapping[str, object], subject: str | None, **more: int
    ) -> Happening:
        self.events += 1
        event_id = f"017f22e2-79b0-7cc3-98c4-{self.events:012x}"
        return happening(kind, data, event_id=event_id, subject=subject, **more)

    def tap(self, subject: str = "good", **more: int) -> Happening:
        return self.admission.admit(self.event(EventType.TAP_CHARGED, TAP, subject, **more))


@pytest.fixture
def gate() -> Gate:
    return Gate()


def word(event: Happening) -> object:
    return event.data.get("deny_list")


def test_without_bundles_everything_is_taken_as_it_is(gate: Gate) -> None:
    assert word(gate.tap("stolen")) is None
    report = gate.event(EventType.INCIDENT_REPORTED, {**REPORT, "service_code": "any"}, None)
    assert gate.admission.admit(report) is report


@pytest.mark.sentence("W-13")
def test_card_on_the_deny_list_is_not_taken_nor_topped_up(gate: Gate) -> None:
    gate.take("deny-list", DENIED)
    assert word(gate.tap()) is None
    for kind, data in (
        (EventType.TAP_CHARGED, TAP),
        (EventType.PURSE_CREDITED, CREDIT),
        (EventType.PAYMENT_CAPTURED, {**FEE, "method": "purse"}),
    ):
        with pytest.raises(DeniedCardError):
            gate.admission.admit(gate.event(kind, data, "stolen"))
    gate.take("deny-list", {"subjects": []}, 2)
    assert word(gate.tap("stolen")) is None


@pytest.mark.sentence("W-13")
def test_what_was_charged_elsewhere_is_a_fact_and_says_what_the_list_says(gate: Gate) -> None:
    gate.take("deny-list", DENIED)
    assert word(gate.tap("stolen", at_ms=TAKEN_MS)) == "listed"
    undone = {"reverses": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "reason": "error"}
    back = gate.event(EventType.PAYMENT_REVERSED, undone, "stolen")
    assert word(gate.admission.admit(back)) == "listed"
    gate.now_ms += LIFE_MS
    gate.limit_minor = 0
    assert word(gate.tap(at_ms=TAKEN_MS)) == "expired"


@pytest.mark.sentence("W-13")
def test_list_that_has_expired_lowers_what_one_card_may_spend_and_stops_nobody_else(gate: Gate) -> None:
    gate.take("deny-list", DENIED)
    for _ in range(10):
        gate.tap()
    gate.now_ms += LIFE_MS
    assert [word(gate.tap()) for _ in range(2)] == ["expired", "expired"]
    with pytest.raises(OfflineLimitError):
        gate.tap()
    assert word(gate.tap("another")) == "expired"
    assert word(gate.admission.admit(gate.event(EventType.PURSE_CREDITED, CREDIT, "good"))) == "expired"
    with pytest.raises(OfflineLimitError):
        gate.admission.admit(gate.event(EventType.PAYMENT_CAPTURED, {**FEE, "method": "purse"}, "good"))
    cash = gate.event(EventType.PAYMENT_CAPTURED, {**FEE, "method": "cash"}, "good")
    assert word(gate.admission.admit(cash)) == "expired"
    with pytest.raises(DeniedCardError):
        gate.tap("stolen")
    gate.take("deny-list", DENIED, 2)
    assert word(gate.tap()) is None
    gate.now_ms += LIFE_MS
    assert word(gate.tap()) == "expired"  # it counts anew since the list before


def test_event_that_is_given_again_or_was_not_taken_is_counted_once_or_not_at_all(gate: Gate) -> None:
    gate.take("deny-list", DENIED)
    gate.now_ms += LIFE_MS
    gate.limit_minor = 300
    first = gate.event(EventType.TAP_CHARGED, TAP, "good")
    for _ in range(3):
        gate.admission.admit(first)
    second = gate.tap()
    with pytest.raises(OfflineLimitError):
        gate.tap()
    gate.admission.withdraw(second)
    gate.tap()


def test_cards_that_are_counted_are_bounded(gate: Gate) -> None:
    gate.take("deny-list", DENIED)
    gate.now_ms += LIFE_MS
    gate.limit_minor = 150
    gate.tap("first")
    gate.limit_minor = 0
    for n in range(CARDS_COUNTED_MAX):
        with pytest.raises(OfflineLimitError):
            gate.tap(f"card-{n}")
    gate.limit_minor = 150
    gate.tap("first")


@pytest.mark.sentence("W-14")
def test_report_of_a_service_that_the_catalogue_lacks_is_refused_with_those_it_has(gate: Gate) -> None:
    services = [{"service_code": code, "service_name": {"es": code}} for code in ("aceras", "alumbrado")]
    gate.take("catalogue", {"services": services})
    wrong = gate.event(EventType.INCIDENT_REPORTED, {**REPORT, "service_code": "drones"}, None)
    with pytest.raises(UnknownServiceError, match="use one of aceras, alumbrado"):
        gate.admission.admit(wrong)
    gate.now_ms += 10 * LIFE_MS  # an old catalogue is better than none
    with pytest.raises(UnknownServiceError):
        gate.admission.admit(wrong)
    right = gate.event(EventType.INCIDENT_REPORTED, {**REPORT, "service_code": "aceras"}, None)
    assert gate.admission.admit(right) is right


def item(name: str, **more: object) -> dict[str, object]:
    instants = {"from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}
    texts = {"title": {"es": f"{name} es", "ca": f"{name} ca"}, "text": {"es": "Texto"}}
    return {"id": name, "version": 1, "kind": "notice", **texts, **instants, **more}


@pytest.mark.sentence("W-14")
def test_notices_that_are_current_are_shown_with_their_age_until_the_bundle_expires(gate: Gate) -> None:
    assert gate.contents.notices().members(Language.ES) == {"notices": [], "age_s": None, "expired": False}
    gate.take("agenda", {"items": [item("now", place="Plaza"), item("over", until="2026-11-02T00:00:00Z")]})
    gate.now_ms += 90_500
    said = gate.contents.notices().members(Language.CA)
    assert (said["age_s"], said["expired"]) == (90, False)
    (shown,) = said["notices"]
    assert (shown["id"], shown["title"], shown["text"], shown["place"]) == ("now", "now ca", "Texto", "Plaza")
    gate.now_ms = TAKEN_MS + LIFE_MS
    assert gate.contents.notices().members(Language.ES) == {
        "notices": [],
        "age_s": LIFE_MS // 1000,
        "expired": True,
    }
