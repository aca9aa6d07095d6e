"""How what citizens wrote stands at the core: asked for by the keys under which it was sent, many at once.

    GET {mailbox_url}/mailbox?key=<effect>,<effect>,…
    {"items": [{"key": "<effect>", "status": "open"|"closed", "answer": "…"?, "answered_datetime": "…"?}, …]}

Here: the question and the reading of its answer. Not here: what to ask for, and what is news
(hub/jobs/mailbox_answers.py).

Rules:
- By key and never by time, as reports are asked for (open311_updates.py).
- A core that takes mail and answers none has no such question: nothing is concluded from that, and it is no
  failure. An item that says nothing we know is passed over; so is one that nobody asked for.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final, cast

from hub.core.exchange import Answer, Endpoint, Exchange
from hub.core.mailbox import PATH
from hub.core.meaning import Meaning
from hub.core.open311_updates import NOTES_LENGTH_MAX, read_instant
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord
from shared.model.errors import TransientError
from shared.model.fields import is_storable

BATCH: Final = 40
"""Keys in one question: with more of them an address would be longer than proxies take."""
QUESTIONS_MAX: Final = 20
"""Questions of one turn: the others come with the next, and the core is left in peace."""


class NotAnsweredError(TransientError):
    """The core does not say what it answers to citizens; it is asked again by itself."""


class Answers:
    """Asks one core what it answers; for one turn.

    Attributes:
        left: questions that may still be asked.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare; nothing is asked yet.

        Args:
            endpoint: the core whose people read and answer.
        """
        self.left = QUESTIONS_MAX
        self._exchange = Exchange(endpoint)
        self._headers = {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}

    async def ask(self, keys: Sequence[str]) -> Mapping[str, CoreWord] | None:
        """Ask how some things stand.

        Args:
            keys: under which they were sent, at most `BATCH`.

        Returns:
            What the core says, by key; None where it has no such question.

        Raises:
            NotAnsweredError: it is away, fails, or answers in no form that we know.
        """
        self.left -= 1
        outcome = await self._exchange.get(PATH, (("key", ",".join(keys)),), self._headers)
        if not isinstance(outcome, Answer):
            raise NotAnsweredError(f"{NotAnsweredError.__doc__} ({outcome.reason})")
        match outcome.meaning:
            case Meaning.ANSWERED:
                words = read_answers(outcome.body)
            case Meaning.WRONG:
                return None
            case _:
                raise NotAnsweredError(f"{NotAnsweredError.__doc__} (status {outcome.status})")
        if words is None:
            raise NotAnsweredError(f"{NotAnsweredError.__doc__} (an answer in no form that we know)")
        return {key: word for key, word in words.items() if key in keys}

    async def close(self) -> None:
        """Give up the connections."""
        await self._exchange.close()


def read_answers(body: bytes) -> dict[str, CoreWord] | None:
    """Read an answer; None where it is in no form that we know."""
    try:
        answer = cast("object", json.loads(body))
    except ValueError:
        return None
    items = cast("Mapping[str, object]", answer).get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list):
        return None
    rows = [
        cast("Mapping[str, object]", item) for item in cast("list[object]", items) if isinstance(item, dict)
    ]
    read = {str(row.get("key")): _read(row) for row in rows}
    return {key: word for key, word in read.items() if word is not None}


def _read(row: Mapping[str, object]) -> CoreWord | None:
    try:
        status = Status(str(row.get("status")).strip().lower())
    except ValueError:
        return None
    said = row.get("answer")
    notes = said.strip()[:NOTES_LENGTH_MAX] if isinstance(said, str) and is_storable(said) else ""
    return CoreWord(status=status, notes=notes, updated_ms=read_instant(row.get("answered_datetime")))
