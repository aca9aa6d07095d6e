"""Mutual proof that both sides hold a key: AuthenticateEV2First and AuthenticateEV2NonFirst.

    → 71 <key> 00                     ← E(RndB) 91AF
    → AF E(RndA ‖ RndB turned)        ← E(TI ‖ RndA turned ‖ capabilities) 9100

Rules:
- The card proves itself too: an answer that does not hold our number, turned, is nobody's.
- NonFirst (77) goes on under the same transaction id and counter, with another key; its last answer holds our
  number alone.

Source: NXP MF2DLHX0, sections "AuthenticateEV2First" and "AuthenticateEV2NonFirst"; AN12343, table 16.
"""

from collections.abc import Callable
from typing import Final

from card_reader.apdu.exchange import Answer, send, wrapped
from card_reader.apdu.outcome import Done, Doubt, Outcome, Refused, Talk, Unknown
from card_reader.apdu.status import Status
from card_reader.desfire import crypto
from card_reader.desfire.session import TRANSACTION_ID_BYTES, Session, session_keys

FIRST: Final = 0x71
NON_FIRST: Final = 0x77
_MORE: Final = 0xAF
_CAPABILITIES_BYTES: Final = 12
_FIRST_BYTES: Final = TRANSACTION_ID_BYTES + crypto.BLOCK_BYTES + _CAPABILITIES_BYTES

Draw = Callable[[int], bytes]
"""Gives so many random bytes."""


def authenticated(
    number: int, key: bytes, draw: Draw, before: Session | None = None
) -> Talk[Outcome[Session]]:
    """Authenticate with a key of the selected application.

    Args:
        number: of the key, 0 to 13.
        key: the card's own, 16 bytes.
        draw: randomness.
        before: the session that this one goes on from; None begins a new one.

    Returns:
        The session; `Refused` where the card holds another key; `Unknown(FORGED)` where it could not show
        that it holds this one.
    """
    first = wrapped(FIRST, bytes([number, 0])) if before is None else wrapped(NON_FIRST, bytes([number]))
    asked = yield from _expecting(first, Status.MORE, crypto.BLOCK_BYTES)
    if not isinstance(asked, Done):
        return asked
    chain = crypto.Chain(key)
    cards = chain.decrypt(crypto.ZERO_BLOCK, asked.value)
    ours = draw(crypto.BLOCK_BYTES)
    proof = chain.encrypt(crypto.ZERO_BLOCK, ours + crypto.rotated(cards))
    length = _FIRST_BYTES if before is None else crypto.BLOCK_BYTES
    said = yield from _expecting(wrapped(_MORE, proof), Status.OK, length)
    if not isinstance(said, Done):
        return said
    shown = chain.decrypt(crypto.ZERO_BLOCK, said.value)
    keys = session_keys(key, ours, cards)
    if before is not None:
        return _if_ours(shown, ours, Session(keys, before.transaction_id, before.counter))
    transaction_id, rest = shown[:TRANSACTION_ID_BYTES], shown[TRANSACTION_ID_BYTES:]
    return _if_ours(rest[: crypto.BLOCK_BYTES], ours, Session(keys, transaction_id))


def _if_ours(turned: bytes, ours: bytes, session: Session) -> Outcome[Session]:
    is_ours = crypto.is_same(turned, crypto.rotated(ours))
    return Done(session) if is_ours else Unknown(Doubt.FORGED)


def _expecting(command: bytes, status: Status, length: int) -> Talk[Outcome[bytes]]:
    """Send one part of it; an answer of another length is none."""
    sent = yield from send(command)
    match sent:
        case Done(Answer(body, said)) if said == status:
            return Done(body) if len(body) == length else Unknown(Doubt.MALFORMED)
        case Done(Answer(_, Status.OK | Status.MORE)):
            return Unknown(Doubt.MALFORMED)
        case Done(Answer(_, said)):
            return Refused(said)
        case failed:
            return failed
