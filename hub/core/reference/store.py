"""What took effect at the reference core, on disk: requests, settlements, notices, mail; a count of each.

Here: the tables, idempotency by key, and the reckoning. Not here: HTTP, and any mercy: without a key that it
may look at, the same thing sent twice takes effect twice, and the reckoning shows it.

Rules: one transaction for a request, committed durably before it is answered; the process may be killed at
any instant. An effect row is never changed.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.core.reference.mail_store import (
    MAIL,
    MailAnswer,
    Opinions,
    answers_to,
    keep_mail,
    list_mail,
    opinions_of,
    put_answer,
)
from hub.core.reference.mail_store import SCHEMA as MAIL_SCHEMA
from hub.core.reference.media_store import SCHEMA as MEDIA_SCHEMA
from hub.core.reference.media_store import name_media, put_repair, repair_of
from hub.core.reference.update_store import SCHEMA as UPDATE_SCHEMA
from hub.core.reference.update_store import UPDATES, RequestUpdate, keep_update, list_updates

SCHEMA = """
CREATE TABLE IF NOT EXISTS effect (
    n INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    amount_minor INTEGER NOT NULL DEFAULT 0,
    currency TEXT NOT NULL DEFAULT '',
    at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_effect_key ON effect (kind, key);
CREATE TABLE IF NOT EXISTS request (
    id INTEGER PRIMARY KEY,
    service_code TEXT NOT NULL,
    reference TEXT NOT NULL,
    fields TEXT NOT NULL,
    requested_ms INTEGER NOT NULL,
    idempotency_key TEXT UNIQUE
);
CREATE INDEX IF NOT EXISTS ix_request_listing ON request (requested_ms);
CREATE TABLE IF NOT EXISTS request_status (
    n INTEGER PRIMARY KEY,
    request_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    notes TEXT,
    updated TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_request_status ON request_status (request_id, n);
"""
LISTING = """
SELECT id, service_code, fields, requested_ms, status, notes, updated FROM request
LEFT JOIN request_status ON n = (SELECT max(n) FROM request_status WHERE request_id = request.id)
WHERE requested_ms BETWEEN :start_ms AND :end_ms
    AND (:ids = '[]' OR id IN (SELECT value FROM json_each(:ids)))
    AND (:codes = '[]' OR service_code IN (SELECT value FROM json_each(:codes)))
    AND (:reference = '' OR reference = :reference)
ORDER BY requested_ms DESC, id DESC LIMIT :limit OFFSET :offset
"""
REQUESTS = "requests"
_REFERENCE_LINE = re.compile(r"Ref\. (\S+)\s*\Z")

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a request stands, in whatever words somebody at the back office used.

    Attributes:
        status: `open`, `closed`, or what no standard knows.
        notes: an explanation, if there is one.
        updated: since when, as it is told.
    """

    status: str
    notes: str | None
    updated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledRequest:
    """A service request as it was posted, its number, and how it stands; None where nobody has looked."""

    id: int
    service_code: str
    fields: Fields
    requested_ms: int
    standing: Standing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which requests are asked for; empty means all.

    Attributes:
        ids: numbers.
        service_codes: services.
        start_ms: first instant, included.
        end_ms: last instant, included.
        reference: our reference.
        limit: rows at most.
        offset: rows skipped, newest first.
    """

    ids: Sequence[int] = ()
    service_codes: Sequence[str] = ()
    start_ms: int
    end_ms: int
    reference: str = ""
    limit: int
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a batch, already checked."""

    key: str
    aggregate: str
    body: Mapping[str, object]
    amount_minor: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of an item: `accepted`, `duplicate` or `conflict`.

    Attributes:
        held: of a conflict, the money under this key; None otherwise.
    """

    result: str
    number: int
    held: Mapping[str, object] | None = None


class Store:
    """The reference core's database."""

    def __init__(self, path: Path) -> None:
        """Open or create the database.

        Args:
            path: the file; its folder exists.
        """
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA + MEDIA_SCHEMA + MAIL_SCHEMA + UPDATE_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def file_request(self, fields: Fields, idempotency_key: str | None, now_ms: int) -> int:
        """File a service request.

        Args:
            fields: the posted form.
            idempotency_key: a key to honour; None where this core knows no such thing.
            now_ms: wall clock.

        Returns:
            Its number; the earlier one where the key was honoured before.
        """
        if idempotency_key is not None:
            known = self._connection.execute(
                "SELECT id FROM request WHERE idempotency_key = ?", (idempotency_key,)
            ).fetchone()
            if known:
                return int(known[0])
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            reference = find_reference(fields)
            number = self._connection.execute(
                "INSERT INTO request (service_code, reference, fields, requested_ms, idempotency_key)"
                " VALUES (?, ?, ?, ?, ?) RETURNING id",
                (fields["service_code"], reference, _compact(fields), now_ms, idempotency_key),
            ).fetchone()[0]
            name_media(self._connection, int(number), fields.get("media_url", ""))
            key = reference or f"unreferenced:{number}"
            item = Item(key=key, aggregate=key, body=dict(fields))
            self._take_effect(REQUESTS, item, _hash(item.body), now_ms)
        return int(number)

    def take_update(self, update: RequestUpdate, now_ms: int) -> int | None:
        """Add an update to a request, once for its id.

        Returns:
            Its number, the earlier one where it was here; None where there is no such request.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            number, is_new = keep_update(self._connection, update, now_ms)
            if number is not None and is_new:
                name_media(self._connection, update.request_id, update.fields.get("media_url", ""))
                aggregate = f"request {update.request_id}"
                item = Item(key=update.update_id, aggregate=aggregate, body=dict(update.fields))
                self._take_effect(UPDATES, item, _hash(item.body), now_ms)
        return number

    def updates(self) -> Sequence[tuple[int, RequestUpdate]]:
        """Every update by its number, in the order in which they came."""
        return list_updates(self._connection)

    def list_requests(self, listing: Listing) -> Sequence[FiledRequest]:
        """The requests that are asked for, newest first."""
        ids, codes = json.dumps(list(listing.ids)), json.dumps(list(listing.service_codes))
        rows = self._connection.execute(
            LISTING,
            {
                "ids": ids,
                "codes": codes,
                "start_ms": listing.start_ms,
                "end_ms": listing.end_ms,
                "reference": listing.reference,
                "limit": listing.limit,
                "offset": listing.offset,
            },
        )
        return [
            FiledRequest(
                id=row[0],
                service_code=row[1],
                fields=json.loads(row[2]),
                requested_ms=row[3],
                standing=Standing(status=row[4], notes=row[5], updated=row[6])
                if row[4] is not None
                else None,
            )
            for row in rows
        ]

    def put_standing(self, number: int, standing: Standing) -> bool:
        """Say how a request stands from now on.

        Args:
            number: of the request.
            standing: as it will be told.

        Returns:
            Whether there is such a request.
        """
        added = self._connection.execute(
            "INSERT INTO request_status (request_id, status, notes, updated)"
            " SELECT id, ?, ?, ? FROM request WHERE id = ?",
            (standing.status, standing.notes, standing.updated, number),
        )
        return added.rowcount == 1

    def put_repair(self, number: int, content: bytes) -> None:
        """Keep the picture of a repair."""
        put_repair(self._connection, number, content)

    def repair(self, number: int) -> bytes | None:
        """The picture of a repair; None where there is none."""
        return repair_of(self._connection, number)

    def find_number(self, reference: str) -> int | None:
        """The number of the newest request under a reference of the sender's."""
        row = self._connection.execute(
            "SELECT max(id) FROM request WHERE reference = ?", (reference,)
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def service_codes(self) -> Sequence[str]:
        """Every service that something was filed under."""
        rows = self._connection.execute("SELECT DISTINCT service_code FROM request ORDER BY service_code")
        return [str(row[0]) for row in rows]

    def take(self, kind: str, items: Sequence[Item], now_ms: int) -> Sequence[Taken]:
        """Make a batch take effect, each item once for its key.

        Args:
            kind: the collection.
            items: what was posted, in its order.
            now_ms: wall clock.

        Returns:
            What became of each item.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            return [self._take_item(kind, item, now_ms) for item in items]

    def reckon(self) -> dict[str, object]:
        """Count what took effect.

        Returns: For each kind the effects, how many different keys they had, and the difference:
            `duplicates`. Then all duplicates, and the money in minor units by currency.
        """
        kinds: dict[str, dict[str, int]] = {}
        for kind, effects, distinct in self._connection.execute(
            "SELECT kind, count(*), count(DISTINCT key) FROM effect GROUP BY kind ORDER BY kind"
        ):
            kinds[str(kind)] = {"effects": effects, "distinct": distinct, "duplicates": effects - distinct}
        money = self._connection.execute(
            "SELECT currency, sum(amount_minor) FROM effect WHERE currency <> '' GROUP BY currency"
        )
        return {
            "kinds": kinds,
            "duplicates": sum(kind["duplicates"] for kind in kinds.values()),
            "money_minor": {str(currency): int(total) for currency, total in money},
        }

    def journal(self, after: int, limit: int) -> Sequence[dict[str, object]]:
        """Effects in the order in which they took place.

        Args:
            after: the last number that the caller has; 0 for the first page.
            limit: rows at most.
        """
        names = ("n", "kind", "key", "aggregate", "amount_minor", "currency", "at_ms")
        rows = self._connection.execute(
            "SELECT n, kind, key, aggregate, amount_minor, currency, at_ms FROM effect WHERE n > ?"
            " ORDER BY n LIMIT ?",
            (after, limit),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def mail(self, after: int, limit: int) -> Sequence[dict[str, object]]:
        """What citizens wrote and said, in the order in which it took effect, from after a number on."""
        return list_mail(self._connection, after, limit)

    def answer_mail(self, reference: str, said: MailAnswer) -> bool:
        """Say how what a citizen wrote stands; returns whether it is here."""
        return put_answer(self._connection, reference, said)

    def mail_answers(self, keys: Sequence[str]) -> Sequence[tuple[str, MailAnswer | None]]:
        """How what citizens wrote stands, by the sender's keys."""
        return answers_to(self._connection, keys)

    def opinions(self, fields: Fields) -> Opinions:
        """What citizens think of a request, by the sender's reference in its form."""
        return opinions_of(self._connection, find_reference(fields))

    def _take_item(self, kind: str, item: Item, now_ms: int) -> Taken:
        body_hash = _hash(item.body)
        known = self._connection.execute(
            "SELECT n, body_hash, amount_minor, currency FROM effect WHERE kind = ? AND key = ?",
            (kind, item.key),
        ).fetchone()
        if known and known[1] == body_hash:
            return Taken(result="duplicate", number=int(known[0]))
        if known:
            held = {"amount_minor": known[2], "currency": known[3]} if item.currency else None
            return Taken(result="conflict", number=int(known[0]), held=held)
        number = self._take_effect(kind, item, body_hash, now_ms)
        if kind == MAIL:
            keep_mail(self._connection, number, item.body)
        return Taken(result="accepted", number=number)

    def _take_effect(self, kind: str, item: Item, body_hash: str, now_ms: int) -> int:
        row = self._connection.execute(
            "INSERT INTO effect (kind, key, body_hash, aggregate, amount_minor, currency, at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING n",
            (kind, item.key, body_hash, item.aggregate, item.amount_minor, item.currency, now_ms),
        ).fetchone()
        return int(row[0])


def find_reference(fields: Fields) -> str:
    """The sender's reference: its attribute or the description's last line; empty where there is none."""
    attribute = fields.get("attribute[ventanilla_reference]")
    if attribute:
        return attribute
    line = _REFERENCE_LINE.search(fields.get("description", ""))
    return line[1] if line else ""


def _compact(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _hash(body: Mapping[str, object]) -> str:
    return hashlib.sha256(_compact(body).encode()).hexdigest()
