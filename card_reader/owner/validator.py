"""What is done with a card that comes: the tap, its words, and what stands against taking any.

Called on the reader's thread. Whatever goes wrong here ends in a sign, never in a thread that is gone.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from secrets import token_bytes
from typing import Final

import structlog

from card_reader.apdu.conversing import converse
from card_reader.citizen_card import layout
from card_reader.citizen_card.holder import CARD_ID_BYTES
from card_reader.core.allowance import Allowance
from card_reader.core.book import Book
from card_reader.core.decision import No
from card_reader.core.display import CLOSED, Shown, show
from card_reader.core.stranger import is_storage, stranger
from card_reader.core.tap import Desk, Verdict, Yes, tap
from card_reader.keys.port import KeyStore
from card_reader.owner.cab import Cab
from card_reader.owner.face import Face
from card_reader.transport.pcsc.field import Field
from card_reader.transport.pcsc.reader import Cards, Mishap, Trouble
from card_reader.transport.port import Transport
from shared.edge.contents import Contents
from shared.edge.pseudonyms import Pseudonyms
from shared.model.errors import VentanillaError
from shared.model.tariff import Tariff

UID_BYTES: Final = 7
VERSIONS_TRIED: Final = 2
"""Of the tap key: the present one, and the one that is being retired."""
AGAIN_S: Final = 15
"""A card that still says nothing so soon after it was asked to come alone is one that cannot be read."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TownRules:
    """What the town says of cards and rides.

    Attributes:
        contents: its bundles.
        pseudonyms: name cards.
        tariff: gives what a ride costs; None where the town has not said.
        closed: why nothing may be taken now; None where it may.
        limit_minor: what a card may spend here while the deny list is too old.
    """

    contents: Contents
    pseudonyms: Pseudonyms
    tariff: Callable[[], Tariff | None]
    closed: Callable[[], str | None]
    limit_minor: Callable[[], int]

    def subject(self, card_id: bytes, issue: int) -> str:
        """Return a card's pseudonym, as lines and the deny list name it."""
        return self.pseudonyms.of("card", f"{card_id.hex()}-{issue}")

    def is_denied(self, card_id: bytes, issue: int) -> bool:
        """Tell whether a card is on the deny list."""
        cards = self.contents.cards()
        return cards is not None and self.subject(card_id, issue) in cards.denied

    def is_list_old(self) -> bool:
        """Tell whether there is a deny list, too old to rely on."""
        cards = self.contents.cards()
        return cards is not None and cards.expired

    def blind(self, name: bytes) -> bytes:
        """Return the keyed hash of card id and issue: the pseudonym's bytes."""
        return bytes.fromhex(self.subject(name[:CARD_ID_BYTES], name[CARD_ID_BYTES]))


class Validator(Cards):
    """Taps cards.

    Args:
        keys: the town's.
        book: what is not settled.
        town: what it says of cards and rides.
        cab: where the bus is, and what is keyed.
        face: shows what came of it.
        clock_s: seconds that only go forward.

    Attributes:
        trouble_now: what is wrong with the reader.
        verdicts: how many cards came to what.
    """

    def __init__(
        self,
        *,
        keys: KeyStore,
        book: Book,
        town: TownRules,
        cab: Cab,
        face: Face,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trouble_now = Trouble.NO_SERVICE
        self.verdicts: dict[str, int] = {}
        self._keys = keys
        self._book = book
        self._town = town
        self._cab = cab
        self._allowance = Allowance(town.is_list_old, town.limit_minor)
        self._face = face
        self._clock_s = clock_s
        self._mute_s = -AGAIN_S

    def serve(self, number: bytes, field: Field) -> None:
        """Tap a card."""
        self.take(number, field, field.atr)

    def take(self, number: bytes, transport: Transport, atr: bytes = b"") -> Verdict | None:
        """Tap a card, wherever it is; None where nothing is taken now."""
        tariff, closed = self._town.tariff(), self._town.closed()
        if tariff is None or closed is not None:
            log.warning("closed", reason=closed or "the town has given no fares with `tap`; publish them")
            return self._close()
        if len(number) != UID_BYTES or is_storage(atr):
            return self._say(Verdict(said=converse(transport, stranger(number, atr))))
        trip = self._cab.trip()
        try:
            verdict = converse(transport, tap(number, trip, self._desk(tariff), atr))
        except VentanillaError as error:
            log.warning("not_taken", reason=str(error))
            return self._close()
        if isinstance(verdict.said, Yes):
            self._cab.used(trip, None if verdict.record is None else verdict.record.counter)
        return self._say(verdict)

    def missed(self, mishap: Mishap) -> None:
        """Say what became of a card that could not be read at all."""
        if mishap is Mishap.HELD:
            log.warning("closed", reason="another program holds the reader; end it")
            self._close()
        else:
            self._say(Verdict(said=No.REMOVED if mishap is Mishap.LEFT else self._of_mute()))

    def _of_mute(self) -> No:
        """Tell two cards from one that is broken: no reader says which, so the passenger tries with one."""
        before_s, self._mute_s = self._mute_s, self._clock_s()
        return No.UNREADABLE if self._mute_s - before_s < AGAIN_S else No.TWO_CARDS

    def trouble(self, trouble: Trouble) -> None:
        """Remember what is wrong with the reader, for health."""
        log.info("reader", trouble=trouble.value)
        self.trouble_now = trouble

    def nothing_came(self) -> None:
        """Something was keyed, and no card came for it."""
        self._say(Verdict(said=No.EMPTY_FIELD))

    def keep_waiting(self) -> None:
        """The card owes an answer for too long: ask for it once more."""
        self._face.show(show(Verdict(said=No.REMOVED)))

    def _say(self, verdict: Verdict) -> Verdict:
        self._count(verdict.said.value)
        self._face.show(show(verdict))
        return verdict

    def _close(self) -> None:
        self._count("closed")
        self._face.show(Shown(sign=CLOSED, parts={}))

    def _count(self, name: str) -> None:
        self.verdicts[name] = self.verdicts.get(name, 0) + 1

    def _desk(self, tariff: Tariff) -> Desk:
        return Desk(
            keys=self._card_keys,
            tariff=tariff,
            denied=self._town.is_denied,
            book=self._book,
            blind=self._town.blind,
            draw=token_bytes,
            allowance=self._allowance,
        )

    def _card_keys(self, card_uid: bytes) -> Iterator[bytes]:
        """Give a card's key of the newest version, and of the one before where the card wants it.

        Raises:
            NoCardKeyError: the terminal holds none.
        """
        versions = self._keys.versions(layout.TAP_KEY)
        for version in versions[:VERSIONS_TRIED] or (0,):
            yield self._keys.card_key(card_uid, layout.TAP_KEY, version)
