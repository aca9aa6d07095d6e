"""The town: what its people say and pay, as events for its devices, in a fixed order.

Reports are real ones of a city where a file of them lies (GeoReport field names), otherwise invented: streets
and texts that exist nowhere. Money, cards and notices are always invented.

Rules: the same seed and file give the same town but for the ids. Nothing here is anyone's.
"""

import json
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Final, cast

from hub.usecases.take_event import MAIL, PAYMENT, REPORT, RESPONSE
from shared.model.errors import InputError
from shared.model.fields import present
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from shared.protocol.parsing import encode

KIOSKS: Final = ("kiosk-1", "kiosk-2")
COUNTERS: Final = ("counter-1", "counter-2")
TERMINALS: Final = ("terminal-1", "terminal-2")
BEACONS: Final = ("beacon-1", "beacon-2")
SITES: Final[Mapping[str, str]] = {
    "kiosk-1": "Plaza Mayor",
    "kiosk-2": "Mercado",
    "counter-1": "Biblioteca",
    "counter-2": "Polideportivo",
    "terminal-1": "Línea 3",
    "terminal-2": "Línea 27",
    "beacon-1": "Estación",
    "beacon-2": "Puerto",
}
CARDS: Final = 8
"""In the town's hands; each rides on both buses."""
HURRIED_CARD: Final = CARDS
"""Whoever has it pulls it away too early."""
COPIED_CARD: Final = CARDS + 1
"""Somebody has made a copy of it."""
CARDS_IN_ALL: Final = CARDS + 2
FARES: Final[Mapping[str, Any]] = {
    "products": [{"product": "1", "name": {"es": "Billete"}, "amount_minor": 130, "currency": "EUR"}],
    "tap": {
        "currency": "EUR",
        "prices": [{"category": 0, "amount_minor": 130}],
        "passes": [],
        "rides": [],
        "transfer": {"window_s": 15, "count": 1, "same_line": False},
        "tolerance_minor": 130,
        "passback_s": 20,
        "passengers_max": 5,
    },
}
"""What a ride costs. Times are those of a town in which an hour passes in a minute."""
RIDES_MIN: Final = 32
RIDES_MAX: Final = 64
KIOSK_REPORTS_MIN: Final = 3
KIOSK_REPORTS_MAX: Final = 16
CURRENCY: Final = "EUR"
_SERVICE_CODE_MAX: Final = 64
_STREETS: Final = (
    "Calle del Faro",
    "Avenida de la Vega",
    "Cuesta del Molino",
    "Plaza del Reloj",
    "Paseo Nuevo",
)
_TROUBLES: Final = (
    ("Desperfecto en acera", "Hay una baldosa levantada y la gente tropieza."),
    ("Alumbrado público", "La farola de la esquina lleva tres noches apagada."),
    ("Limpieza en vías públicas", "El contenedor está lleno y hay bolsas en el suelo."),
    ("Incidencias de riego", "Una boca de riego pierde agua desde ayer."),
    ("Mobiliario urbano", "Al banco le faltan dos tablas."),
)
_ICONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Desperfecto en acera": "walk",
        "Alumbrado público": "bulb",
        "Limpieza en vías públicas": "trash",
        "Incidencias de riego": "droplet",
        "Mobiliario urbano": "armchair",
    }
)
"""By the name that a service has here, or in a city's own file."""
_FEES: Final = (("padron", 300), ("biblioteca", 150), ("tasa-basura", 4250), ("licencia-obra", 1875))
_SUGGESTIONS: Final = (
    ("suggestion", "Hace falta sombra en la parada del mercado."),
    ("complaint", "La biblioteca cierra antes de lo que dice su puerta."),
    ("query", "¿Cuándo abre la piscina?"),
    ("thanks", "Gracias a quien plantó los naranjos."),
)
_NOTICES: Final = ("corte-de-agua", "mercadillo", "obras-linea-3")


@dataclass(frozen=True, slots=True, kw_only=True)
class TownEvent:
    """Something that happens in front of a device.

    Attributes:
        device: in front of which.
        line: what its face gives it, one JSON object.
        effect: which of its effects goes to the core; None where nothing does.
        amount_minor: money that moves, in cents.
        service: what a report is about, as its town calls it.
        card: which of the town's cards is held to a terminal, if it is a real one: that says what it costs.
    """

    id: str
    device: str
    line: bytes
    effect: str | None = None
    amount_minor: int = 0
    service: str = ""
    card: int | None = None


def read_reports(path: Path | None, seed: int) -> Iterator[Mapping[str, Any]]:
    """Give reports without end: those of the file, in its order and again, or invented ones.

    Raises:
        InputError: there is a file and it holds no reports.
    """
    if path is None or not path.is_file():
        return _invented(Random(seed))  # noqa: S311 - a town, no secrets
    try:
        rows = cast("object", json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no JSON file of reports; correct INPUT") from error
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path} holds no list of reports; correct INPUT")
    return cycle(cast("list[Mapping[str, Any]]", rows))


def make_town(
    reports: Iterator[Mapping[str, Any]], count: int, seed: int, now_ms: int
) -> dict[str, deque[TownEvent]]:
    """Make what happens, device by device.

    Args:
        reports: where the words come from.
        count: how many reports; fees, taps, notices and the beacons' own words come on top. Some
            of them are made at the kiosks (`at_kiosk`), the others at counters.
        seed: of everything else.
        now_ms: wall clock, for the ids.
    """
    making = _Making(Random(seed), now_ms)  # noqa: S311 - likewise
    places = [*KIOSKS * at_kiosk(count), *islice(cycle(COUNTERS), count)]
    kinds = [
        *(making.report(place, row) for place, row in zip(places, islice(reports, count), strict=False)),
        *(making.fee(COUNTERS[n % 2]) for n in range(max(140, count * 2 // 5))),
        *(making.notice(COUNTERS[n % 2]) for n in range(max(9, count // 10))),
        *(making.suggestion(COUNTERS[n % 2]) for n in range(max(6, count // 20))),
        *(making.callback(COUNTERS[n % 2]) for n in range(max(6, count // 20))),
        *(making.health(BEACONS[n % 2]) for n in range(max(12, count // 25))),
    ]
    town: dict[str, deque[TownEvent]] = {name: deque() for name in SITES}
    making.random.shuffle(kinds)
    for event in (*kinds, *(making.tap(n) for n in range(rides_of(count)))):
        town[event.device].append(event)
    return town


def at_kiosk(count: int) -> int:
    """Return how many of so many reports are made at each kiosk: as many as two cores can show meanwhile."""
    return min(KIOSK_REPORTS_MAX, max(KIOSK_REPORTS_MIN, count // 100))


def rides_of(count: int) -> int:
    """Return how many rides there are in a town of so many reports: no card is back on its bus at once."""
    return min(RIDES_MAX, max(RIDES_MIN, count // 30))


def catalogue_of(town: Mapping[str, Iterable[TownEvent]]) -> Mapping[str, Any]:
    """Return the catalogue of a town: every service that its people report about."""
    named: dict[str, str] = {}
    for event in (event for events in town.values() for event in events if event.service):
        named.setdefault(_code_of(event.service), event.service)
    services = [
        {"service_code": code, "service_name": {"es": name}, **present(icon=_ICONS.get(name))}
        for code, name in named.items()
    ]
    return {"services": services}


def health_check(device: str, random: Random, now_ms: int) -> TownEvent:
    """Make what a device says when a technician looks after it."""
    return _Making(random, now_ms).health(device)


def traveller(device: str, card: int, random: Random) -> TownEvent:
    """Make somebody who rides with a card."""
    return _Making(random, 0).rider(device, card)


class _Making:
    """Makes events with a seed; a card's counter rises with each of its taps."""

    def __init__(self, random: Random, now_ms: int) -> None:
        self.random = random
        self._now_ms = now_ms
        self._counters = dict.fromkeys(range(CARDS_IN_ALL), 0)

    def report(self, device: str, row: Mapping[str, Any]) -> TownEvent:
        service = str(row.get("service_name") or "Otros").strip()
        data: dict[str, object] = {
            "service_code": _code_of(service),
            "description": (str(row.get("description") or "").strip() or service)[:3000],
            "channel": "kiosk",
        }
        if row.get("lat") is not None and row.get("long") is not None:
            data |= {"lat": float(row["lat"]), "long": float(row["long"])}
        if row.get("address"):
            data["address"] = str(row["address"])[:200]
        return replace(self._event(device, "incident.reported", data, effect=REPORT), service=service)

    def fee(self, device: str) -> TownEvent:
        concept, amount_minor = self.random.choice(_FEES)
        data = {"concept": concept, "method": self.random.choice(("card", "cash")), **_money(amount_minor)}
        return self._event(device, "payment.captured", data, effect=PAYMENT, amount_minor=amount_minor)

    def tap(self, n: int) -> TownEvent:
        device, card = TERMINALS[n % len(TERMINALS)], (n // 2 + n % 2 * (CARDS // 2 - 1)) % CARDS
        return self.rider(device, card)

    def rider(self, device: str, card: int) -> TownEvent:
        self._counters[card] += 1
        counter, subject = self._counters[card], {"kind": "card", "value": f"prueba-{card:04d}"}
        data: dict[str, object] = {"counter": counter}
        if counter == 1:
            kind, amount_minor, data["method"] = "purse.credited", 2_000, "cash"
        else:
            kind, amount_minor, data["product"] = "tap.charged", 130, "1"
        data |= _money(amount_minor)
        event = self._event(
            device, kind, data, effect=PAYMENT, amount_minor=amount_minor, more={"subject": subject}
        )
        return replace(event, card=card)

    def notice(self, device: str) -> TownEvent:
        data = {"notice": self.random.choice(_NOTICES), "version": 1, "channel": "kiosk"}
        if self.random.random() < 0.3:  # noqa: PLR2004 - a third of those who read it want to hear more
            who = {"kind": "email", "value": f"vecina{self.random.randrange(400)}@example.org"}
            return self._event(device, "notice.subscribed", data, effect=RESPONSE, more={"subject": who})
        return self._event(device, "notice.shown", data, effect=RESPONSE)

    def suggestion(self, device: str) -> TownEvent:
        kind, text = self.random.choice(_SUGGESTIONS)
        data = {"kind": kind, "text": text, "channel": "kiosk"}
        return self._event(device, "suggestion.made", data, effect=MAIL)

    def callback(self, device: str) -> TownEvent:
        data = {
            "phone": f"6000000{self.random.randrange(100):02d}",
            "window": self.random.choice(("morning", "midday", "afternoon", "any")),
            "channel": "kiosk",
        }
        return self._event(device, "callback.asked", data, effect=MAIL)

    def health(self, device: str) -> TownEvent:
        if self.random.random() < 0.5:  # noqa: PLR2004 - half and half
            state = self.random.choice(("ok", "ok", "degraded"))
            return self._event(device, "device.state", {"key": "radio", "state": state})
        counters = {"sightings": self.random.randrange(400), "restarts": 0}
        return self._event(device, "device.counters", counters)

    def _event(
        self,
        device: str,
        kind: str,
        data: Mapping[str, object],
        *,
        effect: str | None = None,
        amount_minor: int = 0,
        more: Mapping[str, object] | None = None,
    ) -> TownEvent:
        event_id = new_event_id(self._now_ms, self.random.randbytes(EVENT_ID_RANDOM_BYTES))
        line = encode({"type": kind, "id": event_id, "data": data, **(more or {})})
        return TownEvent(id=event_id, device=device, line=line, effect=effect, amount_minor=amount_minor)


def _invented(random: Random) -> Iterator[Mapping[str, Any]]:
    while True:
        service, text = random.choice(_TROUBLES)
        address = f"{random.choice(_STREETS)}, {random.randrange(1, 120)}"
        lat, long = 43.4 + random.random() / 10, -3.8 + random.random() / 10
        yield {
            "service_name": service,
            "description": f"{text} {address}.",
            "lat": round(lat, 6),
            "long": round(long, 6),
            "address": address,
        }


def _code_of(service: str) -> str:
    """Make a service's code from its name: lower case, without accents, words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", service).encode("ascii", "ignore").decode().lower()
    words: Sequence[str] = "".join(c if c.isalnum() else " " for c in plain).split()
    return "-".join(words)[:_SERVICE_CODE_MAX] or "otros"


def _money(amount_minor: int) -> dict[str, object]:
    return {"amount_minor": amount_minor, "currency": CURRENCY}
