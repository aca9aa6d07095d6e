"""Notices and their versions, on a connection; few and rare, so each method reads and writes at once."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from hub.db.beacon_repository import ChangedKind, note
from hub.db.beacon_tables import beacon_notice
from hub.domain.beacons.errors import NoticeUnknownError
from hub.domain.beacons.notices import Approval, NoticeState, NoticeVersion, Wanted, check_approval
from shared.model.beacon_notices import BeaconNotice
from shared.model.said import Said

LISTED_MAX = 1_000
"""Versions that one look at the register shows, the newest first."""


class NoticeRepository:
    """The register of notices.

    Args:
        connection: in a transaction; the writer's, where something is changed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_version(self, notice: str) -> int:
        """The version that the next draft of a notice gets."""
        newest = select(func.max(beacon_notice.c.version)).where(beacon_notice.c.notice == notice)
        return (self._connection.execute(newest).scalar() or 0) + 1

    def draft(self, wanted: Wanted, said: Said) -> None:
        """Keeps a draft; a draft of the same notice that nobody approved is withdrawn by it."""
        notice = wanted.notice
        open_drafts = (beacon_notice.c.notice == notice.id, beacon_notice.c.state == NoticeState.DRAFT.value)
        withdrawn = _decided(NoticeState.WITHDRAWN, said)
        self._connection.execute(update(beacon_notice).where(*open_drafts).values(withdrawn))
        values = {
            "notice": notice.id,
            "version": notice.version,
            "state": NoticeState.DRAFT.value,
            "districts": json.dumps(list(wanted.districts)),
            "said": json.dumps(notice.to_data(), ensure_ascii=False),
            "until_ms": notice.until_ms,
            "drafted_by": said.who,
            "drafted_ms": said.now_ms,
        }
        self._connection.execute(insert(beacon_notice).values(values))
        self._note(notice.id, notice.version, "drafted", said)

    def approve(self, notice: str, version: int, said: Said, rule: Approval) -> NoticeVersion:
        """Lets a draft be said, in the place of the version before.

        Raises:
            NoticeUnknownError: there is no such version.
            NoticeStateError: it is no draft.
            SamePersonError: who drafted it wants to approve it.
            InputError: it has ended meanwhile.
        """
        found = self.find(notice, version)
        if found is None:
            raise NoticeUnknownError(NoticeUnknownError.__doc__)
        check_approval(found, said.who, rule, said.now_ms)
        before = (beacon_notice.c.notice == notice, beacon_notice.c.state == NoticeState.APPROVED.value)
        replaced = {"state": NoticeState.REPLACED.value}
        self._connection.execute(update(beacon_notice).where(*before).values(replaced))
        this = (beacon_notice.c.notice == notice, beacon_notice.c.version == version)
        self._connection.execute(
            update(beacon_notice).where(*this).values(_decided(NoticeState.APPROVED, said))
        )
        self._note(notice, version, "approved", said)
        return found

    def withdraw(self, notice: str, said: Said) -> None:
        """Says a notice no more, and drops its draft.

        Raises:
            NoticeUnknownError: neither is there.
        """
        living = (NoticeState.DRAFT.value, NoticeState.APPROVED.value)
        these = (beacon_notice.c.notice == notice, beacon_notice.c.state.in_(living))
        done = self._connection.execute(
            update(beacon_notice).where(*these).values(_decided(NoticeState.WITHDRAWN, said))
        )
        if not done.rowcount:
            raise NoticeUnknownError(NoticeUnknownError.__doc__)
        self._note(notice, None, "withdrawn", said)

    def find(self, notice: str, version: int) -> NoticeVersion | None:
        """One version."""
        this = (beacon_notice.c.notice == notice, beacon_notice.c.version == version)
        row = self._connection.execute(select(beacon_notice).where(*this)).first()
        return None if row is None else _version(row)

    def versions(self, notice: str) -> list[NoticeVersion]:
        """Every version of a notice, in order."""
        query = select(beacon_notice).where(beacon_notice.c.notice == notice)
        return [_version(row) for row in self._connection.execute(query.order_by(beacon_notice.c.version))]

    def said(self, now_ms: int) -> list[NoticeVersion]:
        """What is approved and has not ended, by id."""
        is_living = (beacon_notice.c.state == NoticeState.APPROVED.value, beacon_notice.c.until_ms > now_ms)
        query = select(beacon_notice).where(*is_living).order_by(beacon_notice.c.notice)
        return [_version(row) for row in self._connection.execute(query)]

    def listed(self, state: NoticeState | None, limit: int = LISTED_MAX) -> Sequence[NoticeVersion]:
        """Versions in a state, or all, the newest first."""
        query = select(beacon_notice).order_by(
            beacon_notice.c.drafted_ms.desc(), beacon_notice.c.notice, beacon_notice.c.version.desc()
        )
        if state is not None:
            query = query.where(beacon_notice.c.state == state.value)
        return [_version(row) for row in self._connection.execute(query.limit(limit))]

    def _note(self, notice: str, version: int | None, what: str, said: Said) -> None:
        note(self._connection, ChangedKind.NOTICE, notice, what, said, {"version": version})


def _decided(state: NoticeState, said: Said) -> dict[str, Any]:
    return {"state": state.value, "decided_by": said.who, "decided_ms": said.now_ms}


def _version(row: Row[*tuple[Any, ...]]) -> NoticeVersion:
    return NoticeVersion(
        notice=BeaconNotice.from_data(json.loads(row.said)),
        districts=tuple(json.loads(row.districts)),
        state=NoticeState(row.state),
        drafted_by=row.drafted_by,
        drafted_ms=row.drafted_ms,
        decided_by=row.decided_by,
        decided_ms=row.decided_ms,
    )
