"""What the core answers to what citizens wrote: which entries to ask for, what is known, what is new."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Text, and_, cast, func, insert, literal_column, or_, select

from hub.db.mailbox_tables import mailbox_answer, mailbox_entry
from hub.db.outgoing_repository import State
from hub.db.tables import outgoing
from hub.domain.mailbox.ports import EntryKind
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord, Known
from hub.usecases.take_event import MAILBOX

ANSWERED: Final = (EntryKind.SUGGESTION.value, EntryKind.CALLBACK.value)
"""What somebody at the town hall answers. A support follows the report that was joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """An entry to which the core may have something new to say.

    Attributes:
        id: of the entry.
        key: under which the core has it.
        device: where it was said.
        reference: what the citizen took home.
        known: what the hub has heard.
    """

    id: int
    key: str
    device: str
    reference: str
    known: Known


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """What the core answered.

    Attributes:
        notes: in its words; empty where it gave none.
        heard_ms: when the hub heard it.
    """

    status: str
    notes: str
    heard_ms: int


class AnswerRepository:
    """Answers, on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def awaited(self, after: int, closed_since_ms: int, limit: int) -> Sequence[Awaited]:
        """Entries that the core has and that still have their words, in the order in which they came.

        Args:
            after: the last id that was looked at; 0 to begin.
            closed_since_ms: those that were closed before this are not asked for any more.
            limit: how many at most.
        """
        entry, answer = mailbox_entry.c, mailbox_answer.c
        newest = mailbox_answer.alias("newest")
        of_entry = answer.entry == entry.id
        last_id = select(func.max(answer.id)).where(of_entry).correlate(mailbox_entry).scalar_subquery()
        count = select(func.count()).where(of_entry).correlate(mailbox_entry).scalar_subquery()
        sent = and_(
            outgoing.c.device == entry.device,
            outgoing.c.event_id == entry.event_id,
            outgoing.c.connector == MAILBOX,
            outgoing.c.state == State.DONE.value,
        )
        query = (
            select(
                entry.id,
                outgoing.c.effect_key,
                entry.device,
                entry.reference,
                newest.c.status,
                newest.c.notes,
                count.label("answers"),
            )
            .select_from(mailbox_entry)
            .join(outgoing, sent)
            .outerjoin(newest, newest.c.id == last_id)
            .where(
                entry.id > after,
                entry.kind.in_(ANSWERED),
                entry.reference.is_not(None),
                cast(entry.said, Text) != literal_column("'{}'"),
                or_(
                    newest.c.id.is_(None),
                    newest.c.status == Status.OPEN.value,
                    newest.c.heard_ms >= closed_since_ms,
                ),
            )
            .order_by(entry.id)
            .limit(limit)
        )
        return [
            Awaited(
                id=row.id,
                key=row.effect_key,
                device=row.device,
                reference=row.reference,
                known=_known(row.status, row.notes, row.answers),
            )
            for row in self._connection.execute(query)
        ]

    def known(self, entry: int) -> Known:
        """What the hub has heard of an entry."""
        answers = self.newest(entry, 1)
        count = select(func.count()).where(mailbox_answer.c.entry == entry)
        newest = answers[0] if answers else None
        return _known(
            None if newest is None else newest.status,
            None if newest is None else newest.notes,
            self._connection.execute(count).scalar_one(),
        )

    def add(self, entry: int, said: CoreWord, now_ms: int) -> None:
        """Adds an answer."""
        values = {
            "entry": entry,
            "status": said.status.value,
            "notes": said.notes,
            "updated_ms": said.updated_ms,
            "heard_ms": now_ms,
        }
        self._connection.execute(insert(mailbox_answer), values)

    def newest(self, entry: int, limit: int) -> Sequence[AnswerRow]:
        """What was answered to an entry, the newest first."""
        answer = mailbox_answer.c
        query = (
            select(answer.status, answer.notes, answer.heard_ms)
            .where(answer.entry == entry)
            .order_by(answer.id.desc())
            .limit(limit)
        )
        return [
            AnswerRow(status=row.status, notes=row.notes, heard_ms=row.heard_ms)
            for row in self._connection.execute(query)
        ]


def _known(status: str | None, notes: str | None, count: int) -> Known:
    """Nothing heard yet is the same as open, without a word."""
    return Known(status=Status(status or Status.OPEN), notes=notes or "", updates=count)
