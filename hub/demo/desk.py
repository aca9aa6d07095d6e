"""A desk of the town hall: cards become the town's there, and get their first money, by a clerk's commands.

The clerk's receipt is the card: what its newest record says was put in. No key of a card comes here; the hub
speaks to the card through the desk's reader.
"""

from collections.abc import Iterable
from typing import Final

from hub.demo import processes
from hub.demo.bus import DOOR, PCSCD, SOCKET_NAME, tap_reference
from hub.demo.cards import StreetCard
from hub.demo.standing import Receipt
from hub.demo.town import TownEvent
from hub.demo.townhall import TownHall
from hub.usecases.take_event import PAYMENT
from shared.model.event import Stream

DESK: Final = "desk-1"
FIRST_EUROS: Final = 20
NO_SEQ: Final = 0
"""Of what no outbox has: the hub itself booked it."""


def issue_cards(town_hall: TownHall, cards: Iterable[StreetCard]) -> list[Receipt]:
    """Issue every card and top it up; return what the cards say of it.

    Raises:
        NotDoneError: the desk could not do it.
    """
    home, log = town_hall.enrol(DESK), town_hall.log_of(DESK)
    folder = town_hall.sockets / DESK
    folder.mkdir()
    pcscd = processes.start([str(folder), DOOR], log, module=PCSCD)
    environment = {SOCKET_NAME: str(folder / "pcscd.comm")}
    receipts: list[Receipt] = []
    try:
        for card in cards:
            card.hold(folder / f"{DOOR}.sock", {})
            for words in (("issue", "--nobodys"), ("top-up", str(FIRST_EUROS))):
                order = ["card", *words, "--home", str(home.path)]
                processes.run(order, log, environment=environment)
            card.take_away()
            receipts.append(_receipt(town_hall, card))
    finally:
        processes.stop(pcscd)
    return receipts


def _receipt(town_hall: TownHall, card: StreetCard) -> Receipt:
    *_, booked = town_hall.hub.pages(f"/v1/payments?device={DESK}")
    newest = card.newest()
    card.subject, card.counted = str(booked["subject"]), newest.counter
    reference = tap_reference(DESK, card.subject, newest.counter)
    event = TownEvent(id=reference, device=DESK, line=b"", effect=PAYMENT, amount_minor=newest.amount_minor)
    return Receipt(
        event=event, stream=Stream.PAYMENTS, epoch="", seq=NO_SEQ, reference=reference, named=False
    )
