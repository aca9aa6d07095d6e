"""How reports stand at the core: asked for by their numbers, many in one question.

Here: the questions and the reading of rows. Not here: which reports to ask for, and what is news
(hub/jobs/report_updates.py).

Rules:
- By number and never by time: a core's clock may be wrong, `updated_after` is no part of the standard, and
  what was missed once would be missed for ever. A whole round costs a question for `BATCH` reports.
- A core that takes one number at a time is asked one by one. A row that says nothing we know is passed over;
  a row that nobody asked for too.
- What cannot be asked now is `NotToldError`; nothing is concluded from silence.
- A picture is fetched from the core's own address and from nowhere else, whatever a row says: a core that was
  broken into does not send the hub to look around in the town hall's network.

Source: Open311 GeoReport v2, "GET Service Request(s)" (`service_request_id`, comma delimited; `status`,
`status_notes`, `updated_datetime`, `media_url`) and "GET request id from a token".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from hub.core.exchange import Answer, Endpoint, Exchange
from hub.core.meaning import Meaning
from hub.core.open311_wire import Numbered, Row, name_of, read_posted, read_rows
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord
from shared.model.errors import TransientError
from shared.model.fields import INTEGER_MAX, is_storable

BATCH = 50
"""Numbers in one question: servers and proxies take addresses of 2,000 characters without a word."""
QUESTIONS_MAX = 40
"""Questions of one turn: a city's reports are gone through over several, and the core is left in peace."""
NOTES_LENGTH_MAX = 4_000
PICTURES_MAX = 10
"""Pictures that are fetched in one turn; the others come with the next round."""
URL_LENGTH_MAX = 2_000
TOKEN = "token:"  # noqa: S105  a receipt of GeoReport, no secret


class NotToldError(TransientError):
    """The core does not say how reports stand; it is asked again by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the core said.

    Attributes:
        asked: how many reports were asked for, from the first on; the questions may not do for all.
        words: by what the core calls the report.
        numbers: the number behind each token that has one now.
        unread: rows of ours that say nothing we know.
    """

    asked: int
    words: Mapping[str, CoreWord]
    numbers: Mapping[str, str]
    unread: int


class Updates:
    """Asks one core how reports stand; for one turn.

    Attributes:
        left: questions that may still be asked.
        pictures_left: pictures that may still be fetched.
    """

    def __init__(self, endpoint: Endpoint, jurisdiction_id: str) -> None:
        """Prepare; nothing is asked yet.

        Args:
            endpoint: the core's GeoReport server.
            jurisdiction_id: where it serves several; else empty.
        """
        self.left = QUESTIONS_MAX
        self.pictures_left = PICTURES_MAX
        self._exchange = Exchange(endpoint)
        self._origin = urlsplit(endpoint.base_url)[:2]
        self._pictures = Exchange(replace(endpoint, base_url="://".join(self._origin)))
        pairs = (("api_key", endpoint.api_key), ("jurisdiction_id", jurisdiction_id))
        self._credentials = tuple((name, value) for name, value in pairs if value)

    async def ask(self, core_refs: Sequence[str]) -> Told:
        """Ask for some reports, at most `BATCH`.

        Args:
            core_refs: what the core calls them.

        Raises:
            NotToldError: the core is away, fails, or answers in no form that we know.
        """
        rows: dict[str, Row] = {}
        numbers: dict[str, str] = {}
        plain = [ref for ref in core_refs if "," not in ref and not ref.startswith(TOKEN)]
        if len(plain) > 1:
            rows = await self._rows("/requests.json", plain) or {}
        asked = 0
        for ref in core_refs:
            if ref not in rows:
                if self.left <= 0:
                    break
                if not ref.startswith(TOKEN):
                    rows |= await self._rows(f"/requests/{quote(ref, safe='')}.json", [ref], one=True) or {}
                elif number := await self._number(ref):
                    numbers[ref] = number
            asked += 1
        read = {ref: read_word(rows[ref]) for ref in core_refs if ref in rows}
        words = {ref: word for ref, word in read.items() if word is not None}
        return Told(asked=asked, words=words, numbers=numbers, unread=len(read) - len(words))

    async def close(self) -> None:
        """Give up the connections."""
        await self._exchange.close()
        await self._pictures.close()

    async def picture(self, url: str) -> bytes | None:
        """Fetch a picture, of whatever kind.

        Args:
            url: where a row has it.

        Returns:
            Its bytes; None where it is not the core's own, or the core does not give it.

        Raises:
            NotToldError: the core is away, or fails.
        """
        self.pictures_left -= 1
        parts = urlsplit(url)
        if parts[:2] != self._origin or not parts.path:
            return None
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        outcome = await self._pictures.get(target)
        if isinstance(outcome, Answer) and outcome.meaning is Meaning.ANSWERED:
            return outcome.body
        if isinstance(outcome, Answer) and outcome.meaning in {Meaning.WRONG, Meaning.CONFLICT}:
            return None
        raise NotToldError(NotToldError.__doc__)

    async def _rows(self, path: str, refs: Sequence[str], *, one: bool = False) -> dict[str, Row] | None:
        """The rows of an answer by what the core calls them; None where this core takes no such question."""
        query = () if one else (("service_request_id", ",".join(refs)),)
        answer = await self._get(path, (*self._credentials, *query))
        if answer.meaning is Meaning.WRONG:
            return None
        if answer.meaning is not Meaning.ANSWERED:
            raise NotToldError(f"{NotToldError.__doc__} (status {answer.status})")
        rows = read_rows(answer.body)
        if rows is None:
            raise NotToldError(f"{NotToldError.__doc__} (an answer in no form that we know)")
        return {name_of(row): row for row in rows}

    async def _number(self, ref: str) -> str | None:
        answer = await self._get(f"/tokens/{quote(ref.removeprefix(TOKEN), safe='')}.json", self._credentials)
        posted = read_posted(answer.body) if answer.meaning is Meaning.ANSWERED else None
        return posted.service_request_id if isinstance(posted, Numbered) else None

    async def _get(self, path: str, query: Sequence[tuple[str, str]]) -> Answer:
        self.left -= 1
        outcome = await self._exchange.get(path, query)
        if not isinstance(outcome, Answer):
            raise NotToldError(f"{NotToldError.__doc__} ({outcome.reason})")
        return outcome


def read_word(row: Row) -> CoreWord | None:
    """What a row says of its report; None where its status is none of the standard's two."""
    status = row.get("status")
    try:
        known = Status(status.strip().lower()) if isinstance(status, str) else None
    except ValueError:
        known = None
    if known is None:
        return None
    notes = row.get("status_notes")
    text = notes.strip()[:NOTES_LENGTH_MAX] if isinstance(notes, str) and is_storable(notes) else ""
    updated_ms = read_instant(row.get("updated_datetime"))
    return CoreWord(status=known, notes=text, updated_ms=updated_ms, picture_url=_url(row.get("media_url")))


def _url(value: object) -> str:
    """An address that can be asked for as it stands; empty for anything else."""
    fits = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    if not isinstance(value, str) or not fits or len(value) > URL_LENGTH_MAX:
        return ""
    try:
        urlsplit(value)
    except ValueError:
        return ""
    return value


def read_instant(value: object) -> int | None:
    """An instant as servers write it, a missing offset read as UTC; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        at_ms = int(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return at_ms if abs(at_ms) <= INTEGER_MAX else None
