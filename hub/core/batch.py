"""Batches over HTTP to whoever honours a key for each effect: what settlements, notices and events share.

Here: the request, what each item's answer means, and how one bad item is told from the hundred around it.
Not here: which work goes where (settlements.py, notices.py, cloudevents.py).

The exchange, JSON both ways, `POST` to the collection; the results are `ItemResult`:

    {"key": "<batch>", "items": [{"key": "<effect>", "aggregate": "…", "body": {…}}, …]}
    {"items": [{"key": "<effect>", "result": "accepted", "core_ref": "…"?, "reason": "…"?, "held": {…}?}, …]}

Rules:
- The key of an effect is the truth: sent again it takes effect once, so nothing has to be searched.
- The core may say of a conflict what money it `held` under the key. Of an effect that was tried before, or
  may have been, the same money means that it is there.
- An item that the answer does not name, or names in no word that we know, is in doubt.
- A whole batch that is refused is sent again in halves until the bad item stands alone; the others are not
  held up.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol, assert_never, cast
from uuid import UUID, uuid5

from hub.core.exchange import Answer, Endpoint, Exchange, Lost, NotSent, Outcome
from hub.core.meaning import Meaning
from hub.core.port import Done, Effect, Refused, Result, Retry, Unknown

BATCH_ITEMS_MAX = 100
BATCHES_PARALLEL_MAX = 4
BATCH_NAMESPACE = UUID("5f0e4a58-6f0c-5f0d-9a53-1d5e7b1c8a44")
REASON_CHARACTERS_MAX = 200


class ItemResult(StrEnum):
    """What the core made of one item."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """It had this effect already, with the same content."""
    REFUSED = "refused"
    CONFLICT = "conflict"
    """It had this effect already, with another content."""


def batch_key(effects: Sequence[Effect]) -> UUID:
    """The key of a batch: the same for the same effects in the same order."""
    return uuid5(BATCH_NAMESPACE, ",".join(str(effect.key) for effect in effects))


class Form(Protocol):
    """How a batch is written, and what an answer to it says of each effect."""

    @property
    def media_type(self) -> str:
        """Of what is written."""
        ...

    def write(self, key: str, effects: Sequence[Effect]) -> object:
        """Write effects as JSON values.

        Args:
            key: of the batch.
            effects: in their order.
        """
        ...

    def read(self, body: bytes, effects: Sequence[Effect]) -> Sequence[Result]:
        """Read the body of an answer that took the batch; one result for each effect, in their order."""
        ...


class Items:
    """Our own form: the core says of each item what it made of it."""

    media_type = "application/json"

    def write(self, key: str, effects: Sequence[Effect]) -> object:
        """Write each effect with its key and aggregate."""
        items = [
            {"key": str(effect.key), "aggregate": effect.aggregate, "body": effect.body} for effect in effects
        ]
        return {"key": key, "items": items}

    def read(self, body: bytes, effects: Sequence[Effect]) -> Sequence[Result]:
        """Find each effect's own answer by its key."""
        answers = _answers_by_key(body)
        return [_read_item(answers.get(str(effect.key)), effect) for effect in effects]


class BatchConnector:
    """Effects of one kind in batches to one collection of the core."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str,
        path: str,
        batch_max: int,
        parallel_max: int,
        form: Form | None = None,
    ) -> None:
        """Prepare the connector; nothing is sent yet.

        Args:
            endpoint: the core and our key, which goes along as a bearer token.
            name: what the outgoing rows call this connector.
            path: the collection, below the endpoint's base.
            batch_max: effects in one request.
            parallel_max: requests under way at once.
            form: of the batches; our own where none is given.
        """
        self.name = name
        self._form = form or Items()
        self.batch_max = batch_max
        self.parallel_max = parallel_max
        self._path = path
        self._exchange = Exchange(endpoint)
        self._headers = {"content-type": self._form.media_type}
        if endpoint.api_key:
            self._headers["authorization"] = f"Bearer {endpoint.api_key}"

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        """Send the effects as one batch.

        Args:
            effects: 1 to `batch_max`, of one collection.

        Returns:
            One result for each effect, in their order.
        """
        key = str(batch_key(effects))
        content = json.dumps(
            self._form.write(key, effects), ensure_ascii=False, separators=(",", ":")
        ).encode()
        outcome = await self._exchange.post(self._path, content, {**self._headers, "idempotency-key": key})
        if len(effects) > 1 and isinstance(outcome, Answer) and _blames_an_item(outcome):
            middle = len(effects) // 2
            return [*await self.deliver(effects[:middle]), *await self.deliver(effects[middle:])]
        return self._results(outcome, effects)

    async def close(self) -> None:
        """Give up the connections."""
        await self._exchange.close()

    def _results(self, outcome: Outcome, effects: Sequence[Effect]) -> Sequence[Result]:
        match outcome:
            case NotSent():
                return [Retry(reason=outcome.reason) for _ in effects]
            case Lost():
                return [Unknown(reason=outcome.reason) for _ in effects]
            case Answer():
                if outcome.meaning is Meaning.ANSWERED:
                    return self._form.read(outcome.body, effects)
                result = _read_status(outcome)
                return [result for _ in effects]
            case _:
                assert_never(outcome)


def _blames_an_item(answer: Answer) -> bool:
    """Whether smaller batches can tell more. An address that does not exist refuses them all alike."""
    refused = answer.meaning in {Meaning.WRONG, Meaning.CONFLICT}
    return refused and answer.status not in _NO_SUCH_COLLECTION


_NO_SUCH_COLLECTION = frozenset({404, 405, 410, 501})


def _read_status(answer: Answer) -> Result:
    said = f"status {answer.status}"
    match answer.meaning:
        case Meaning.LATER:
            return Retry(reason=f"the core asks for patience ({said})", after_s=answer.retry_after_s)
        case Meaning.LOCKED_OUT:
            return Retry(reason=f"the core does not let us in ({said}); check address and key")
        case Meaning.WRONG | Meaning.CONFLICT:
            if answer.status in _NO_SUCH_COLLECTION:
                return Retry(reason=f"the core has no such collection ({said}); check the address")
            return Refused(reason=f"the core refuses the effect ({said}); mend it and replay")
        case Meaning.UNSURE | Meaning.ANSWERED:
            return Unknown(reason=f"the core failed ({said})")
        case _:
            assert_never(answer.meaning)


def _answers_by_key(body: bytes) -> Mapping[str, Mapping[str, object]]:
    try:
        answer = cast("object", json.loads(body))
    except ValueError:
        return {}
    items = cast("Mapping[str, object]", answer).get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list):
        return {}
    rows = [
        cast("Mapping[str, object]", item) for item in cast("list[object]", items) if isinstance(item, dict)
    ]
    return {str(row.get("key")): row for row in rows}


def _read_item(item: Mapping[str, object] | None, effect: Effect) -> Result:
    if item is None:
        return Unknown(reason="the core's answer does not name the effect")
    reason = str(item.get("reason") or "no reason given")[:REASON_CHARACTERS_MAX]
    try:
        result = ItemResult(str(item.get("result")))
    except ValueError:
        return Unknown(reason="the core's answer says nothing that we know of the effect")
    match result:
        case ItemResult.ACCEPTED | ItemResult.DUPLICATE:
            return Done(core_ref=str(item.get("core_ref") or item["key"]))
        case ItemResult.REFUSED:
            return Refused(reason=f"the core refuses the effect: {reason}")
        case ItemResult.CONFLICT if effect.attempts and _holds_the_money(item, effect):
            return Done(core_ref=str(item.get("core_ref") or item["key"]))
        case ItemResult.CONFLICT:
            return Refused(reason="the core holds this effect with another content; compare the two by hand")
        case _:
            assert_never(result)


def _holds_the_money(item: Mapping[str, object], effect: Effect) -> bool:
    """Whether the core holds this effect's very money under its key.

    A hub that was put back from a backup may date an event otherwise than before, or book another part of it
    against the risk of rides offline: it has forgotten what it went by. The money is the same.
    """
    held = item.get("held")
    if not isinstance(held, dict) or "amount_minor" not in effect.body:
        return False
    money = cast("Mapping[str, object]", held)
    return all(money.get(name) == effect.body.get(name) for name in ("amount_minor", "currency"))
