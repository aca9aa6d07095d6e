"""One transaction: the repositories of every noun on one connection, and the order in which they write.

    gather (few selects) -> decide (in memory) -> flush (few inserts) -> the caller's COMMIT

Implements `hub.usecases.ports.UnitOfWork`. Nothing is written before `flush`; a unit of work that is dropped
leaves nothing behind. It neither commits nor rolls back: `hub.db.writer` does.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from hub.db.attachment_repository import AttachmentInserts
from hub.db.delivery_repository import DeliveryRepository
from hub.db.fleet_repository import FleetWords
from hub.db.ledger_repository import LedgerRepository
from hub.db.mailbox_repository import MailboxRepository
from hub.db.numbers import Numbers
from hub.db.outgoing_repository import OutgoingInserts
from hub.db.register_repositories import (
    DeviceBoard,
    ExceptionRepository,
    NoticeResponseRepository,
    ServiceRequestRepository,
)
from hub.domain.payments.accounts import PURSE_FLOOR_MINOR
from hub.usecases.cloud_events import Published
from hub.usecases.ports import Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator decided for every transaction.

    Attributes:
        purse_floor_minor: how far a purse that is new may go below zero.
        publishes: what happened leaves as CloudEvents too.
    """

    purse_floor_minor: int = PURSE_FLOOR_MINOR
    publishes: bool = False


class UnitOfWork:
    """The registers of one transaction.

    Attributes:
        delivery: epochs, inbox, quarantine and loss records.
        ledger: the books.
        service_requests: the register of reports.
        notice_responses: the register of responses.
        mailbox: what citizens say besides reports.
        device_board: what devices say of themselves.
        exceptions: what a clerk must look at.
        attachments: bodies that are sent apart.
        outgoing: work towards the core.
        fleet: what devices say of settings, bundles and commands.
    """

    def __init__(self, connection: Connection, rules: Rules = Rules()) -> None:
        """Begins on a connection that is in a transaction.

        Args:
            connection: the writer's.
            rules: the operator's.
        """
        numbers = Numbers(connection)
        self.exceptions = ExceptionRepository(connection)
        self.delivery = DeliveryRepository(connection, self.exceptions)
        self.ledger = LedgerRepository(
            connection, purse_floor_minor=rules.purse_floor_minor, next_id=numbers.next_id
        )
        self.service_requests = ServiceRequestRepository(connection)
        self.notice_responses = NoticeResponseRepository(connection)
        self.mailbox = MailboxRepository(connection)
        self.device_board = DeviceBoard(connection)
        self.attachments = AttachmentInserts(connection)
        self._inserts = OutgoingInserts(connection)
        self.outgoing: Outgoing = Published(self._inserts) if rules.publishes else self._inserts
        self.fleet = FleetWords(connection)

    @property
    def effects(self) -> int:
        """How many effects were added."""
        return self._inserts.added

    def flush(self) -> None:
        """Writes all that was decided; afterwards the unit of work may go on."""
        self.delivery.flush()
        self.ledger.flush()
        self.service_requests.flush()
        self.notice_responses.flush()
        self.mailbox.flush()
        self.device_board.flush()
        self.exceptions.flush()
        self.attachments.flush()
        self._inserts.flush()
        self.fleet.flush()
