"""What the reference core keeps of citizens' mail: each item whole, and what it says of a report.

Kept in the transaction in which the item takes effect, so that the count and the mail never disagree.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    n INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    report_reference TEXT NOT NULL,
    score INTEGER,
    occurred TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_mail_report ON mail (report_reference, kind);
CREATE TABLE IF NOT EXISTS mail_answer (
    n INTEGER PRIMARY KEY,
    mail INTEGER NOT NULL,
    status TEXT NOT NULL,
    answer TEXT,
    answered TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_mail_answer ON mail_answer (mail, n);
"""
ANSWERS = """
SELECT key, status, answer, answered FROM effect
LEFT JOIN mail_answer ON mail_answer.n = (SELECT max(n) FROM mail_answer WHERE mail = effect.n)
WHERE kind = 'mailbox' AND key IN (SELECT value FROM json_each(?)) ORDER BY effect.n
"""
MAIL = "mailbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """What citizens think of a report.

    Attributes:
        supporters: how many joined it.
        rating: the score that was given last; None where nobody rated it.
    """

    supporters: int
    rating: int | None


def keep_mail(connection: sqlite3.Connection, number: int, body: Mapping[str, object]) -> None:
    """Keep an item, in the transaction of its effect.

    Args:
        connection: the core's.
        number: of the effect.
        body: as it was sent.
    """
    score = body.get("score")
    connection.execute(
        "INSERT INTO mail (n, kind, report_reference, score, occurred, body) VALUES (?, ?, ?, ?, ?, ?)",
        (
            number,
            str(body.get("kind", "")),
            str(body.get("report_reference", "")),
            score if isinstance(score, int) else None,
            str(body.get("occurred_datetime", "")),
            json.dumps(body, ensure_ascii=False),
        ),
    )


def list_mail(connection: sqlite3.Connection, after: int, limit: int) -> Sequence[dict[str, object]]:
    """Items in the order in which they took effect, from after a number on."""
    rows = connection.execute("SELECT n, body FROM mail WHERE n > ? ORDER BY n LIMIT ?", (after, limit))
    return [{"n": number, "body": json.loads(body)} for number, body in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAnswer:
    """How an item stands, in whatever words somebody at the back office used.

    Attributes:
        status: `open`, `closed`, or what nobody knows.
        answer: what citizens are told, if there is anything.
        answered: since when, as it is told.
    """

    status: str
    answer: str | None
    answered: str


def put_answer(connection: sqlite3.Connection, reference: str, said: MailAnswer) -> bool:
    """Say how the item under a reference of the sender's stands; returns whether there is one."""
    added = connection.execute(
        "INSERT INTO mail_answer (mail, status, answer, answered)"
        " SELECT max(n), ?, ?, ? FROM mail WHERE json_extract(body, '$.reference') = ?"
        " HAVING max(n) IS NOT NULL",
        (said.status, said.answer, said.answered, reference),
    )
    return added.rowcount == 1


def answers_to(
    connection: sqlite3.Connection, keys: Sequence[str]
) -> Sequence[tuple[str, MailAnswer | None]]:
    """How items stand, by the sender's keys; None where nobody has looked, those that never came left out."""
    rows = connection.execute(ANSWERS, (json.dumps(list(keys)),))
    return [
        (str(row[0]), None if row[1] is None else MailAnswer(status=row[1], answer=row[2], answered=row[3]))
        for row in rows
    ]


def opinions_of(connection: sqlite3.Connection, reference: str) -> Opinions:
    """What citizens think of the report under a reference of the sender's."""
    (supporters,) = connection.execute(
        "SELECT count(*) FROM mail WHERE report_reference = ? AND kind = 'support'", (reference,)
    ).fetchone()
    rated = connection.execute(
        "SELECT score FROM mail WHERE report_reference = ? AND kind = 'rating'"
        " ORDER BY occurred DESC, n DESC LIMIT 1",
        (reference,),
    ).fetchone()
    return Opinions(supporters=int(supporters), rating=None if rated is None else rated[0])
