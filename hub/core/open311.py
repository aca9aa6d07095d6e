"""The connector for reports: a GeoReport v2 client that files each once, without an idempotency key.

Here: what is sent, what an answer makes of an effect, and when it is safe to send again. Not here: the form
(open311_wire.py), the search (open311_search.py), when to come back (hub/forwarder).

Rules:
- After an outcome in doubt the core is searched before anything is sent again: found is done; absent is sent
  again; a core that cannot be searched leaves it to a clerk.
- *Absent* counts only `settle_s` after the last sending whose outcome is in doubt: a core that answers after
  our deadline may also act after it. Nothing of an earlier life of this process is younger than this
  connector.
- A conflict is a hint that the report is there; the search decides.
- A token is a receipt: the core has the report, so it is never sent again, numbered or not.
- An `Idempotency-Key` goes along for cores that know it; nothing relies on it, as the windows in which cores
  remember keys are shorter than our outages.

Source: Open311 GeoReport v2; docs/PROTOCOL.md, "Towards the core".
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote
from uuid import UUID

from hub.core.exchange import Answer, Endpoint, Exchange, Lost, NotSent
from hub.core.meaning import Meaning
from hub.core.media import Media, NoMedia
from hub.core.open311_search import WINDOW_MS_MAX, Absent, Blind, Failed, Found, Search
from hub.core.open311_services import catalogue, needs_definition, read_definition
from hub.core.open311_wire import (
    Numbered,
    Promised,
    Row,
    is_no_such_address,
    read_posted,
    read_rows,
    read_text,
    request_form,
)
from hub.core.port import Done, Effect, Refused, Result, Retry, Undecidable, Unknown
from hub.core.untaken import Untaken
from shared.model.catalogue import Catalogue
from shared.model.errors import InputError, TransientError

TOKEN_WAITS_S = (0.1, 0.4, 1.0, 2.0)
"""Pauses before each question for the number behind a token; after them the token is the report's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open311Settings:
    """How one city's GeoReport server is spoken to.

    Attributes:
        endpoint: its address, up to and with the version, and our key.
        jurisdiction_id: where the server serves several; else empty.
        reference_query: the server's filter of GET requests by our reference, e.g.
            `attribute[ventanilla_reference]`; empty where it has none.
        parallel_max: reports under way at once.
        settle_s: how long after a lost answer the server may still act on the question.
        rows_max: requests that the server lists at most in one answer.
    """

    endpoint: Endpoint
    jurisdiction_id: str = ""
    reference_query: str = ""
    parallel_max: int = 8
    settle_s: float = 30.0
    rows_max: int = 1000


class Open311Connector:
    """Files reports at a GeoReport v2 server, one request each."""

    name = "open311"
    batch_max = 1

    def __init__(
        self,
        settings: Open311Settings,
        media: Media | None = None,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the connector; nothing is sent yet.

        Args:
            settings: the server and its ways.
            media: gives out the addresses of photographs; None where reports have none.
            now_ms: wall clock, for the window of a search.
            monotonic_s: steady clock, for what has to settle.
        """
        self.parallel_max = settings.parallel_max
        self._settings = settings
        self._media = media or NoMedia()
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._exchange = Exchange(settings.endpoint)
        pairs = (("api_key", settings.endpoint.api_key), ("jurisdiction_id", settings.jurisdiction_id))
        self._credentials = tuple((name, value) for name, value in pairs if value)
        self._search = Search(self._exchange, self._credentials, settings.reference_query, settings.rows_max)
        self._doubted: dict[UUID, float] = {}
        self._untaken = Untaken()
        self._doubted_before = self._monotonic_s()

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        """File the reports, one after the other.

        Args:
            effects: reports; `batch_max` says one, more are taken in their order.

        Returns:
            One result for each.
        """
        return [await self._deliver(effect) for effect in effects]

    async def services(self) -> Sequence[Row]:
        """Ask the server what can be reported to it.

        Returns:
            Its services as it lists them: service_code, service_name, group, metadata and so on.

        Raises:
            TransientError: the server gave no list.
        """
        outcome = await self._exchange.get("/services.json", self._credentials)
        if isinstance(outcome, Answer) and outcome.meaning is Meaning.ANSWERED:
            rows = read_rows(outcome.body)
            if rows is not None:
                return rows
        raise TransientError("the core does not list its services now; ask again later")

    async def catalogue(self) -> Catalogue:
        """Ask the server what can be reported to it, with each service's questions.

        Raises:
            TransientError: the server gave no list, or not the definition of a service that has one.
            InputError: it lists what no device could read.
        """
        services = await self.services()
        codes = [str(row.get("service_code")) for row in services if needs_definition(row)]
        return catalogue(services, {code: await self._definition(code) for code in codes})

    async def _definition(self, code: str) -> Row:
        outcome = await self._exchange.get(f"/services/{quote(code, safe='')}.json", self._credentials)
        if isinstance(outcome, Answer) and outcome.meaning is Meaning.ANSWERED:
            row = read_definition(outcome.body)
            if row is not None:
                return row
        raise TransientError("the core does not say what it asks about a service now; ask again later")

    async def close(self) -> None:
        """Give up the connections."""
        await self._exchange.close()

    async def _deliver(self, effect: Effect) -> Result:
        try:
            self._form(effect.body)
        except InputError as error:
            return Refused(reason=str(error))
        if effect not in self._untaken and (known := await self._look_up(effect)):
            return known
        form = self._form(await self._media.addressed(effect))
        self._note_sending(effect.key)
        result = await self._send(effect, form)
        self._note(effect, result)
        return result

    def _form(self, body: Mapping[str, object]) -> bytes:
        return request_form(
            body,
            api_key=self._settings.endpoint.api_key,
            jurisdiction_id=self._settings.jurisdiction_id,
        )

    async def _look_up(self, effect: Effect) -> Result | None:
        """Search for a report that may be there. None: it is surely not, so it may be sent."""
        reference, service_code = read_text(effect.body, "reference"), read_text(effect.body, "service_code")
        now_ms = self._now_ms()
        since_ms = effect.created_ms or now_ms - WINDOW_MS_MAX
        seen = await self._search.find(reference, service_code, since_ms, now_ms)
        match seen:
            case Found():
                self._forget(effect.key)
                await self._media.seen(effect, seen.media)
                return Done(core_ref=seen.core_ref)
            case Blind():
                return Undecidable(reason=seen.reason)
            case Failed():
                return Retry(reason=seen.reason, after_s=seen.after_s)
            case Absent():
                wait_s = self._settles_in_s(effect.key)
                if wait_s <= 0:
                    return None
                return Retry(
                    reason="not at the core; waiting until a late effect is out of the question",
                    after_s=wait_s,
                    core_answers=True,
                )
            case _:
                assert_never(seen)

    async def _send(self, effect: Effect, form: bytes) -> Result:
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "idempotency-key": str(effect.key),
        }
        outcome = await self._exchange.post("/requests.json", form, headers)
        match outcome:
            case NotSent():
                return Retry(reason=outcome.reason)
            case Lost():
                return Unknown(reason=outcome.reason)
            case Answer():
                return await self._read(effect, outcome)
            case _:
                assert_never(outcome)

    async def _read(self, effect: Effect, answer: Answer) -> Result:
        said = f"status {answer.status}"
        match answer.meaning:
            case Meaning.ANSWERED:
                return await self._read_posted(answer)
            case Meaning.LATER:
                return Retry(reason=f"the core asks for patience ({said})", after_s=answer.retry_after_s)
            case Meaning.LOCKED_OUT:
                return Retry(reason=f"the core does not let us in ({said}); check address and key")
            case Meaning.CONFLICT:
                return await self._settle_conflict(effect)
            case Meaning.WRONG:
                if is_no_such_address(answer.status, answer.body):
                    return Retry(reason=f"no GeoReport server answers there ({said}); check the address")
                return Refused(reason=f"the core refuses the report ({said}); mend it and replay")
            case Meaning.UNSURE:
                return Unknown(reason=f"the core failed ({said})")
            case _:
                assert_never(answer.meaning)

    async def _read_posted(self, answer: Answer) -> Result:
        posted = read_posted(answer.body)
        match posted:
            case Numbered():
                return Done(core_ref=posted.service_request_id)
            case Promised():
                return Done(core_ref=await self._redeem(posted.token))
            case None:
                return Unknown(reason="the core's answer names no request")
            case _:
                assert_never(posted)

    async def _redeem(self, token: str) -> str:
        """The number behind a token, or the token itself where the core takes longer than we wait."""
        for wait_s in TOKEN_WAITS_S:
            await asyncio.sleep(wait_s)
            outcome = await self._exchange.get(f"/tokens/{token}.json", self._credentials)
            if isinstance(outcome, Answer) and outcome.meaning is Meaning.ANSWERED:
                posted = read_posted(outcome.body)
                if isinstance(posted, Numbered):
                    return posted.service_request_id
        return f"token:{token}"

    async def _settle_conflict(self, effect: Effect) -> Result:
        """The core says that it has it: believe the listing, not the status."""
        known = await self._look_up(effect)
        match known:
            case Done() | Undecidable():
                return known
            case _:
                return Unknown(reason="the core reports a conflict, and does not list the report")

    def _settles_in_s(self, key: UUID) -> float:
        """Seconds until nothing that was sent of this effect can still take place."""
        last_s = max(self._doubted_before, self._doubted.get(key, self._doubted_before))
        return last_s + self._settings.settle_s - self._monotonic_s()

    def _note_sending(self, key: UUID) -> None:
        """From here on the outcome is in doubt, also if this very call is cut short."""
        self._doubted.pop(key, None)
        settled_s = self._monotonic_s() - self._settings.settle_s
        for old in [old for old, sent_s in self._doubted.items() if sent_s < settled_s]:
            del self._doubted[old]
        self._doubted[key] = self._monotonic_s()
        self._untaken.forget(key)

    def _note(self, effect: Effect, result: Result) -> None:
        """What this attempt taught about the effect, for the next one."""
        match result:
            case Unknown():
                self._doubted[effect.key] = self._monotonic_s()
            case Retry():
                self._forget(effect.key)
                self._untaken.add(effect)
            case Done() | Refused() | Undecidable():
                self._forget(effect.key)
            case _:
                assert_never(result)

    def _forget(self, key: UUID) -> None:
        self._doubted.pop(key, None)
        self._untaken.forget(key)
