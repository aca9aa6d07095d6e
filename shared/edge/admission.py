"""Admission: what this device takes as the town's bundles have it, before anybody begins.

    admission.admit(happening)      the event as it is to be taken, or a refusal with its remedy
    admission.withdraw(happening)   it was not taken after all

Rules:
- A card on the deny list is not taken. What happened elsewhere and was dated there is a fact: it is taken,
  and says what the list said of its card.
- A deny list that has expired does not stop the bus: one card may spend the offline limit on this device
  until a list that has not expired comes. What was spent is in memory: a restart counts anew.
- A report is about a service of the catalogue. Without a catalogue, or without a list, everything is taken.

Not here: what bundles are and whether they count (`bundle_shelf`, `contents`).
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Final, cast

from shared.edge.contents import Cards, Contents
from shared.edge.errors import DeniedCardError, OfflineLimitError, UnknownServiceError
from shared.edge.happenings import Happening
from shared.model.catalogue import Catalogue
from shared.model.event import EventType, Stream
from shared.model.payment import DenyListWord, Method

CARDS_COUNTED_MAX: Final = 10_000
"""Cards of which it is known what they spent without a list; the one that was silent longest is forgotten."""
CODES_SHOWN_MAX: Final = 20
_GIVE_BACK: Final = frozenset({EventType.PAYMENT_REVERSED, EventType.TAP_CANCELLED})


class Admission:
    """Decides for one device; used by the one thread that takes events.

    Args:
        contents: what the bundles say.
        limit_minor: the offline limit in force, in minor units.

    Attributes:
        contents: the same.
    """

    def __init__(self, contents: Contents, limit_minor: Callable[[], int]) -> None:
        self.contents = contents
        self._limit_minor = limit_minor
        self._spent: OrderedDict[str, dict[str, int]] = OrderedDict()

    def admit(self, happening: Happening) -> Happening:
        """Return an event as it is to be taken.

        Raises:
            DeniedCardError: its card is on the deny list.
            OfflineLimitError: the list has expired, and the card has spent what it may without one.
            UnknownServiceError: the town takes no such reports.
        """
        if happening.type is EventType.INCIDENT_REPORTED:
            check_service(happening, self.contents.catalogue())
        if happening.kind.stream is not Stream.PAYMENTS or happening.subject is None:
            return happening
        cards = self.contents.cards()
        if cards is None or not cards.expired:
            self._spent.clear()
        return happening if cards is None else self._with_card(happening, happening.subject, cards)

    def withdraw(self, happening: Happening) -> None:
        """Count an event no longer that was admitted and then not taken."""
        taps = self._spent.get(happening.subject or "")
        if taps is not None:
            taps.pop(happening.event_id, None)

    def _with_card(self, happening: Happening, subject: str, cards: Cards) -> Happening:
        elsewhere = happening.at_ms is not None or happening.type in _GIVE_BACK
        if subject in cards.denied:
            if not elsewhere:
                raise DeniedCardError(DeniedCardError.__doc__)
            return _marked(happening, DenyListWord.LISTED)
        if not cards.expired:
            return happening
        if not elsewhere and _spends(happening):
            self._count(happening, subject)
        return _marked(happening, DenyListWord.EXPIRED)

    def _count(self, happening: Happening, subject: str) -> None:
        taps = self._spent.pop(subject, {})
        others_minor = sum(amount for event_id, amount in taps.items() if event_id != happening.event_id)
        amount_minor = cast("int", happening.data["amount_minor"])
        self._spent[subject] = taps
        if len(self._spent) > CARDS_COUNTED_MAX:
            self._spent.popitem(last=False)
        if others_minor + amount_minor > self._limit_minor():
            raise OfflineLimitError(OfflineLimitError.__doc__)
        taps[happening.event_id] = amount_minor


def check_service(happening: Happening, catalogue: Catalogue | None) -> None:
    """See that a report is about a service of the town's catalogue; without one every report is.

    Raises:
        UnknownServiceError: it is not; the sentence names those that there are.
    """
    if catalogue is None or happening.data["service_code"] in catalogue.codes:
        return
    shown = ", ".join(catalogue.codes[:CODES_SHOWN_MAX])
    more = ", …" if len(catalogue.codes) > CODES_SHOWN_MAX else ""
    raise UnknownServiceError(f"service_code is none of the town's catalogue; use one of {shown}{more}")


def _spends(happening: Happening) -> bool:
    """Tell whether value leaves a card; a credit brings some."""
    if happening.type is EventType.PAYMENT_CAPTURED:
        return happening.data["method"] == Method.PURSE
    return happening.type is EventType.TAP_CHARGED


def _marked(happening: Happening, word: DenyListWord) -> Happening:
    return replace(happening, data={**happening.data, "deny_list": word.value})
