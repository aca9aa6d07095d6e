"""The connector for photographs that come after their report: an update of it with `media_url`, once.

GeoReport v2 has no way to add to a request. The field's own extension is FixMyStreet's, and this speaks it:

    POST {open311_url}/servicerequestupdates.json
    service_request_id, update_id, updated_datetime, status, description, media_url,
    [api_key, jurisdiction_id]
    -> [{"update_id": "…"}]

`update_id` is the effect's key, the same at every attempt; `status` is how the report stands, and changes
nothing. Only a core of which the settings say that it speaks this is spoken to.

Rules:
- A core that is `keyed` counts an `update_id` once: whatever is in doubt is sent again under it.
- Of any other nothing says what it has, as it lists its own updates alone: what is in doubt goes to a clerk.

Source: mySociety, "Open311 FMS - Proposed differences to Open311", POST service request update.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never, cast
from urllib.parse import urlencode

from hub.core.exchange import Answer, Endpoint, Exchange, Lost, NotSent, Outcome
from hub.core.meaning import Meaning
from hub.core.media import Media
from hub.core.open311_wire import format_instant, is_no_such_address, read_rows, read_text
from hub.core.port import Done, Effect, Refused, Result, Retry, Undecidable, Unknown
from hub.core.untaken import Untaken
from shared.model.errors import InputError

NAME = "open311_photographs"
PATH = "/servicerequestupdates.json"
PARALLEL_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotographSettings:
    """How one city's GeoReport server takes updates.

    Attributes:
        endpoint: its address, up to and with the version, and our key.
        jurisdiction_id: where the server serves several; else empty.
        keyed: it counts an `update_id` once.
    """

    endpoint: Endpoint
    jurisdiction_id: str
    keyed: bool


class PhotographConnector:
    """Tells a core of late photographs, one update each."""

    name = NAME
    batch_max = 1
    parallel_max = PARALLEL_MAX

    def __init__(self, settings: PhotographSettings, media: Media) -> None:
        """Prepare the connector; nothing is sent yet.

        Args:
            settings: the server and its ways.
            media: gives out the addresses.
        """
        self._settings = settings
        self._media = media
        self._exchange = Exchange(settings.endpoint)
        self._untaken = Untaken()

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        """Send the updates, one after the other; one result for each."""
        return [await self._deliver(effect) for effect in effects]

    async def close(self) -> None:
        """Give up the connections."""
        await self._exchange.close()

    async def _deliver(self, effect: Effect) -> Result:
        if not self._settings.keyed and effect not in self._untaken:
            return Undecidable(
                reason="whether the core has this photograph cannot be asked; look at the report there"
            )
        body = await self._media.addressed(effect)
        if not body.get("media_urls"):
            return Refused(reason="the photograph was revoked or is not here any more; mark this as done")
        try:
            form = self._form(effect, body)
        except InputError as error:
            return Refused(reason=str(error))
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "idempotency-key": str(effect.key),
        }
        result = _read(await self._exchange.post(PATH, form, headers))
        self._note(effect, result)
        return result

    def _form(self, effect: Effect, body: Mapping[str, object]) -> bytes:
        reference = read_text(body, "reference")
        fields = [
            ("api_key", self._settings.endpoint.api_key),
            ("jurisdiction_id", self._settings.jurisdiction_id),
            ("service_request_id", read_text(body, "service_request_id")),
            ("update_id", str(effect.key)),
            ("updated_datetime", format_instant(cast("int", body.get("at_ms")))),
            ("status", read_text(body, "status").upper()),
            ("description", f"Fotografía del aviso {reference}, recibida después de enviarlo."),
            *(("media_url", url) for url in cast("Sequence[str]", body["media_urls"])),
        ]
        return urlencode([(name, value) for name, value in fields if value]).encode()

    def _note(self, effect: Effect, result: Result) -> None:
        """Remember of an effect that was put off that the core has not seen it."""
        self._untaken.forget(effect.key)
        if isinstance(result, Retry) and not self._settings.keyed:
            self._untaken.add(effect)


def _read(outcome: Outcome) -> Result:
    match outcome:
        case NotSent():
            return Retry(reason=outcome.reason)
        case Lost():
            return Unknown(reason=outcome.reason)
        case Answer():
            return _read_answer(outcome)
        case _:
            assert_never(outcome)


def _read_answer(answer: Answer) -> Result:
    said = f"status {answer.status}"
    match answer.meaning:
        case Meaning.ANSWERED:
            update = _update_id(answer.body)
            return Done(core_ref=update) if update else Unknown(reason="the core's answer names no update")
        case Meaning.LATER:
            return Retry(reason=f"the core asks for patience ({said})", after_s=answer.retry_after_s)
        case Meaning.LOCKED_OUT:
            return Retry(reason=f"the core does not let us in ({said}); check address and key")
        case Meaning.CONFLICT:
            return Unknown(reason=f"the core reports a conflict ({said})")
        case Meaning.WRONG:
            if is_no_such_address(answer.status, answer.body):
                return Retry(reason=f"the core takes no updates ({said}); set open311_photographs to clerk")
            return Refused(reason=f"the core refuses the photograph ({said}); mend it and replay")
        case Meaning.UNSURE:
            return Unknown(reason=f"the core failed ({said})")
        case _:
            assert_never(answer.meaning)


def _update_id(body: bytes) -> str:
    """What the core calls the update: in a list as GeoReport has them, or in an object around one."""
    rows = read_rows(body)
    if rows is None:
        try:
            members = cast("object", json.loads(body))
        except ValueError:
            return ""
        inner = (
            cast("Mapping[str, object]", members).get("service_request_updates")
            if isinstance(members, dict)
            else None
        )
        rows = read_rows(json.dumps(inner).encode())
    value = rows[0].get("update_id") if rows else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
