"""What is forgotten when its time has come: words of the mailbox, what belongs to reports, keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hub.attachments.service import Attachments
from hub.config import HubConfig
from hub.db.writer import Writer
from hub.jobs.case_retention import CaseRetention
from hub.jobs.mailbox_retention import MailboxRetention
from hub.jobs.timetable import Job

MAILBOX_EVERY_S: Final = 3_600.0
CASES_EVERY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """The two that forget."""

    mailbox: MailboxRetention
    cases: CaseRetention

    @property
    def jobs(self) -> Sequence[Job]:
        """When each does."""
        return (
            Job(name="mailbox", every_s=MAILBOX_EVERY_S, run=self.mailbox.run, at_once=True),
            Job(name="cases", every_s=CASES_EVERY_S, run=self.cases.run, at_once=True),
        )


def make_forgetting(
    config: HubConfig, writer: Writer, attachments: Attachments, clock: Callable[[], int]
) -> Forgetting:
    """Make them.

    Args:
        config: says for how long what is kept.
        writer: the database.
        attachments: have the photographs.
        clock: the hub's time, Unix epoch in milliseconds.
    """
    return Forgetting(
        mailbox=MailboxRetention(writer, config.mailbox_kept_days, clock),
        cases=CaseRetention(
            writer, config.contacts_kept_days, config.photographs_kept_days, attachments.forget, clock
        ),
    )
