"""The durable book of deeds at desks, over the hub's one writer: `hub.domain.cards.ports.DeedBook`.

Each change is one job, and on the disk when the method returns. That a deed happened, what it does to the
books and how the register has the card then are one commit.
"""

from collections.abc import Callable
from typing import Final

import structlog

from card_reader.citizen_card.holder import Holder
from card_reader.desfire.transaction_mac import Committed
from hub.db.card_deed_repository import CardDeedRepository, DeedState
from hub.db.card_number_repository import CardNumberRepository
from hub.db.card_pin_repository import CardPinRepository
from hub.db.card_repository import CardRepository
from hub.db.engine import Connection
from hub.db.ledger_repository import purse_minor
from hub.db.unit_of_work import Rules, UnitOfWork
from hub.db.writer import Writer
from hub.domain.cards.orders import MAKES, Do
from hub.domain.cards.ports import Begun, CardKeys, Intended, Successor
from hub.domain.cards.register import FINAL, Card, CardState
from hub.usecases.take_card_deed import take_card_deed
from shared.model.errors import InputError, VentanillaError
from shared.model.said import Said

CARD_DEED_UNKNOWN: Final = "card_deed_unknown"
"""The kind of the exception: a deed at a desk of which nobody can tell whether it happened."""
INTENT_MS_MAX: Final = 7 * 86_400_000
"""A card that has not come back to a desk by then is a clerk's, as it is at a terminal."""
TORN: Final = "torn while it was made"
PIN_CAME_OVER: Final = "PIN of the card that it replaces"
TOO_LATE: Final = "the lost card was replaced or refunded meanwhile"
_STATES: Final = {
    Do.BLOCK: CardState.BLOCKED,
    Do.UNBLOCK: CardState.ISSUED,
    Do.REFUND: CardState.REFUNDED,
    Do.REPLACE: CardState.REPLACED,
}

log = structlog.get_logger(__name__)


class HubDeedBook:
    """Keeps deeds; any thread may call.

    Args:
        writer: the database.
        keys: the town's card keys.
        rules: what the operator decided for every transaction.
        clock: the hub's time, Unix epoch in milliseconds.
        work_committed: there may be new work towards the core.
        publish_denied: publishes which cards ride nowhere, by the name of who changed that.
    """

    def __init__(
        self,
        writer: Writer,
        keys: CardKeys,
        *,
        rules: Rules,
        clock: Callable[[], int],
        work_committed: Callable[[], None],
        publish_denied: Callable[[str], object],
    ) -> None:
        self._writer = writer
        self._keys = keys
        self._rules = rules
        self._clock = clock
        self._work_committed = work_committed
        self._publish_denied = publish_denied

    def card(self, card_id: bytes, issue: int) -> Card | None:
        """Return a card of the register by its id and issue."""
        with self._writer.read() as connection:
            return CardRepository(connection).find_issue(card_id, issue)

    def card_in_use(self, card_uid: bytes) -> Card | None:
        """Return the card in use that has a number in the air."""
        with self._writer.read() as connection:
            return CardRepository(connection).find_number(card_uid)

    def number(self, subject: str) -> str:
        """Return the number that is printed on a card; it is drawn when it is first asked for."""
        with self._writer.read() as connection:
            found = CardNumberRepository(connection).find(subject)
        return found or self._writer.run(lambda connection: CardNumberRepository(connection).draw(subject))

    def successor_of(self, subject: str) -> Successor | None:
        """Return what a card would be replaced by."""
        with self._writer.read() as connection:
            cards = CardRepository(connection)
            before = cards.find(subject)
            if before is None:
                return None
            issue, balance_minor = cards.next_issue(before.card_id), purse_minor(connection, subject)
            passes = CardDeedRepository(connection).passes_of(subject)
            return Successor(before=before, issue=issue, balance_minor=balance_minor, passes=passes)

    def open_of(self, card_uid: bytes) -> Intended | None:
        """Return what is not settled of a card."""
        with self._writer.read() as connection:
            return CardDeedRepository(connection).open_of(card_uid)

    def begun_before(self, order_id: str) -> Begun | None:
        """Return what became of an order that was begun, and did not turn out to be undone."""
        with self._writer.read() as connection:
            return CardDeedRepository(connection).begun_before(order_id)

    def intend(self, meant: Intended) -> None:
        """Remember a deed that is about to be committed; a new card comes into the register with it.

        Raises:
            InputError: the card that it replaces is replaced already, or may be.
        """
        now_ms, version = self._clock(), self._keys.current

        def job(connection: Connection) -> None:
            if meant.order.do is Do.REPLACE:
                _check_replaced_once(connection, meant.order.replaces)
            if meant.holder is not None and meant.order.do in MAKES:
                CardRepository(connection).register(_new_card(meant, meant.holder, version, now_ms))
            CardDeedRepository(connection).intend(meant, now_ms)

        self._writer.run(job)

    def happened(self, meant: Intended, proof: Committed | None) -> None:
        """Settle it: the card did it."""
        now_ms, mac = self._clock(), None if proof is None else proof.mac

        def job(connection: Connection) -> None:
            if not CardDeedRepository(connection).settle(meant.order.id, DeedState.HAPPENED, mac, now_ms):
                return
            uow = UnitOfWork(connection, self._rules)
            take_card_deed(meant, uow, now_ms)
            uow.flush()
            _follow(connection, meant, now_ms)

        self._writer.run(job)
        self._work_committed()
        if meant.order.do in _STATES:
            self._tell_terminals(meant.order.who)

    def never_happened(self, meant: Intended) -> None:
        """Settle it: the card did not do it. A card that was to be new is out of use before it was in it."""
        now_ms = self._clock()

        def job(connection: Connection) -> None:
            is_new = CardDeedRepository(connection).settle(meant.order.id, DeedState.NEVER, None, now_ms)
            if is_new and meant.order.do in MAKES:
                said = Said(who=meant.order.who, why=TORN, now_ms=now_ms)
                CardRepository(connection).set_state(meant.subject, CardState.REPLACED, said)

        self._writer.run(job)

    def undecided(self, meant: Intended) -> None:
        """Hand it to a clerk."""
        now_ms = self._clock()
        self._writer.run(lambda connection: _hand_over(connection, meant, now_ms))

    def has_keys(self, subject: str, version: int, who: str) -> None:
        """Note that a card holds the town's keys of this version now."""
        said = Said(who=who, why="its keys were changed", now_ms=self._clock())
        self._writer.run(
            lambda connection: CardRepository(connection).set_key_version(subject, version, said)
        )

    def _tell_terminals(self, who: str) -> None:
        """Publish the deny list; the deed has happened whether that works or not."""
        try:
            self._publish_denied(who)
        except VentanillaError as error:
            log.warning("deny_list_not_published", reason=str(error))

    def expire(self) -> None:
        """Give a clerk what nobody settled for a week."""
        now_ms = self._clock()

        def job(connection: Connection) -> None:
            for meant in CardDeedRepository(connection).overdue(now_ms - INTENT_MS_MAX):
                _hand_over(connection, meant, now_ms)

        self._writer.run(job)


def _new_card(meant: Intended, holder: Holder, version: int, now_ms: int) -> Card:
    return Card(
        subject=meant.subject,
        card_id=holder.card_id,
        issue=holder.issue,
        uid=meant.card_uid,
        category=holder.category,
        is_anonymous=holder.is_nobodys,
        key_version=version,
        seal_version=version,
        state=CardState.ISSUED,
        issued_ms=now_ms,
        state_ms=now_ms,
        who=meant.order.who,
    )


def _check_replaced_once(connection: Connection, lost: str) -> None:
    """See that no other card has a lost one's money, or may have it."""
    before = CardRepository(connection).find(lost)
    if before is not None and before.state in FINAL:
        raise InputError("that card was replaced or refunded meanwhile; look at it in the register")
    other = CardDeedRepository(connection).may_replace(lost)
    if other is not None:
        raise InputError(
            "another card was begun in its place and may have its money; hold that one to the reader, or "
            f"block it: `ventanilla hub cards block {other}`"
        )


def _follow(connection: Connection, meant: Intended, now_ms: int) -> None:
    """Let the register follow what stands on the card; what is for ever there stays.

    A new card of a lost one that is replaced or refunded by now is out of use itself.
    """
    state, cards = _STATES.get(meant.order.do), CardRepository(connection)
    before = cards.find(meant.order.replaces or meant.subject)
    if state is not None and before is not None and before.state not in FINAL:
        said = Said(who=meant.order.who, why=meant.order.why, now_ms=now_ms)
        cards.set_state(before.subject, state, said)
        if meant.order.do is Do.REPLACE:
            _hand_pin_on(connection, meant, now_ms)
    elif before is not None and meant.order.do is Do.REPLACE:
        said = Said(who=meant.order.who, why=TOO_LATE, now_ms=now_ms)
        cards.set_state(meant.subject, CardState.REPLACED, said)


def _hand_pin_on(connection: Connection, meant: Intended, now_ms: int) -> None:
    """Let a PIN go over with the card: its holder knows it still, and trips that were closed stay so."""
    if CardPinRepository(connection).hand_on(meant.order.replaces, meant.subject):
        said = Said(who=meant.order.who, why=PIN_CAME_OVER, now_ms=now_ms)
        CardRepository(connection).note(meant.subject, said)


def _hand_over(connection: Connection, meant: Intended, now_ms: int) -> None:
    if not CardDeedRepository(connection).settle(meant.order.id, DeedState.CLERK, None, now_ms):
        return
    uow = UnitOfWork(connection)
    detail = {
        "order": meant.order.id,
        "do": meant.order.do.value,
        "subject": meant.subject,
        "counter": meant.record.counter,
        "amount_minor": meant.record.amount_minor,
        "mark": meant.record.mark.hex(),
    }
    uow.exceptions.open(CARD_DEED_UNKNOWN, meant.device, detail, now_ms)
    uow.flush()
