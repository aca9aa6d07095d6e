"""The citizens' mailbox: what was said besides reports, for one transaction and in pages.

What citizens wrote, and how to reach them, stays in the register: a listing says what there is.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Text, cast, func, literal_column, select, tuple_, update

from hub.db.mailbox_tables import mailbox_answer, mailbox_entry
from hub.db.overwriting import overwriting
from hub.db.paging import Page, columns_of, read_page
from hub.db.statements import Lookup, Row, insert_sql, write_many
from hub.db.tables import outgoing
from hub.domain.mailbox.ports import Entry, EntryKind
from hub.usecases.take_event import MAIL, MAILBOX
from shared.model.ids import effect_key

EventName = tuple[str, str]
"""Device and event id."""
_NOT_PERSONAL: Final = frozenset(
    {
        "kind",
        "category",
        "reference",
        "report",
        "report_reference",
        "score",
        "channel",
        "device",
        "event_id",
        "occurred_datetime",
    }
)
"""What of an effect's body says nothing of anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """Something in the mailbox.

    Attributes:
        about: the report that it speaks of, as it was said: a public code or a reference.
        report: the same, as the hub knew it when it took this.
        score: of a rating.
    """

    id: int
    device: str
    event_id: str
    kind: str
    reference: str | None
    about: str | None
    report: str | None
    score: int | None
    occurred_ms: int
    received_ms: int


class MailboxRepository:
    """The register, in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[EventName, bool] = {}
        self._taken: dict[str, bool] = {}
        self._rows: list[Row] = []

    def prefetch(self, events: Sequence[EventName], references: Sequence[str]) -> None:
        """Reads the entries of these events and references in one go each."""
        if wanted := [event for event in events if event not in self._known]:
            self._known.update(dict.fromkeys(wanted, False))
            found = _ENTRIES.rows(self._connection, wanted)
            self._known.update(((device, event_id), True) for device, event_id in found)
        if asked := [reference for reference in references if reference not in self._taken]:
            self._taken.update(dict.fromkeys(asked, False))
            taken = _REFERENCES.rows(self._connection, asked)
            self._taken.update((str(row[0]), True) for row in taken)

    def has(self, device: str, event_id: str) -> bool:
        """Whether the event's entry is in the register."""
        self.prefetch([(device, event_id)], [])
        return self._known[device, event_id]

    def is_taken(self, reference: str) -> bool:
        """Whether an entry has this reference."""
        self.prefetch([], [reference])
        return self._taken[reference]

    def add(self, entry: Entry) -> None:
        """Adds an entry."""
        self._known[entry.device, entry.event_id] = True
        if entry.reference is not None:
            self._taken[entry.reference] = True
        self._rows.append(
            (
                entry.device,
                entry.event_id,
                entry.kind.value,
                entry.reference,
                entry.about,
                entry.report,
                entry.score,
                json.dumps(entry.said),
                entry.occurred_ms,
                entry.received_ms,
            )
        )

    def flush(self) -> None:
        """Writes what was added."""
        statement = insert_sql(self._connection, mailbox_entry, leave_out="id")
        write_many(self._connection, statement, self._rows)


def list_mailbox(connection: Connection, after: int, limit: int, kind: EntryKind | None) -> Page[EntryRow]:
    """Entries in the order in which they came, without their words.

    Args:
        connection: any.
        after: the last id that was shown.
        limit: how many at most.
        kind: of one kind alone.
    """
    query = columns_of(EntryRow, mailbox_entry).where(mailbox_entry.c.id > after).order_by(mailbox_entry.c.id)
    if kind is not None:
        query = query.where(mailbox_entry.c.kind == kind.value)
    return read_page(connection, EntryRow, query, limit)


def supporters(connection: Connection, public_codes: Collection[str]) -> Mapping[str, int]:
    """How many joined each of some reports; those that nobody joined are left out."""
    query = (
        select(mailbox_entry.c.about, func.count())
        .where(mailbox_entry.c.kind == EntryKind.SUPPORT.value, mailbox_entry.c.about.in_(public_codes))
        .group_by(mailbox_entry.c.about)
    )
    return {str(about): int(count) for about, count in connection.execute(query)}


def rating_of(connection: Connection, reference: str) -> int | None:
    """The score that counts of a report: the one that was given last; None where nobody rated it."""
    query = (
        select(mailbox_entry.c.score)
        .where(mailbox_entry.c.kind == EntryKind.RATING.value, mailbox_entry.c.about == reference)
        .order_by(mailbox_entry.c.occurred_ms.desc(), mailbox_entry.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def forget_words(connection: Connection, before_ms: int, limit: int) -> int:
    """Takes the words out of old entries, of what was answered to them, and of the work that was done.

    An entry that the core does not have yet is left as it is. What was there is overwritten in the database's
    file (SQLite's `secure_delete`), not only made free.

    Args:
        connection: in a transaction.
        before_ms: entries that the hub took before this instant.
        limit: how many at most.

    Returns:
        How many entries lost their words.
    """
    undone = select(outgoing.c.device, outgoing.c.event_id).where(
        outgoing.c.connector == MAILBOX, outgoing.c.state != literal_column("'done'")
    )
    entry = mailbox_entry.c
    due = (
        select(entry.id, entry.device, entry.event_id)
        .where(
            entry.received_ms < before_ms,
            cast(entry.said, Text) != literal_column("'{}'"),
            tuple_(entry.device, entry.event_id).not_in(undone),
        )
        .order_by(entry.id)
        .limit(limit)
    )
    found = connection.execute(due).all()
    if not found:
        return 0
    with overwriting(connection):
        due_ids = [row.id for row in found]
        connection.execute(update(mailbox_entry).where(entry.id.in_(due_ids)).values(said={}))
        connection.execute(update(mailbox_answer).where(mailbox_answer.c.entry.in_(due_ids)).values(notes=""))
        keys = [str(effect_key(row.device, row.event_id, MAIL)) for row in found]
        done = select(outgoing.c.id, outgoing.c.body).where(outgoing.c.effect_key.in_(keys))
        for effect in connection.execute(done).all():
            body = {name: value for name, value in json.loads(effect.body).items() if name in _NOT_PERSONAL}
            connection.execute(
                update(outgoing).where(outgoing.c.id == effect.id).values(body=json.dumps(body))
            )
    return len(found)


_ENTRIES = Lookup(
    select(mailbox_entry.c.device, mailbox_entry.c.event_id),
    (mailbox_entry.c.device, mailbox_entry.c.event_id),
)
_REFERENCES = Lookup(select(mailbox_entry.c.reference), (mailbox_entry.c.reference,))
