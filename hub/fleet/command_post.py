"""Commands: taken from the operator, sent by dispatch, and what became of them.

Rules:
- A device has at most as many commands that could still be replayed as it remembers; beyond it nothing is
  taken for it until one has expired.
- A command without an outcome when it has expired is *unanswered*: nobody knows whether it was done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from secrets import token_urlsafe
from typing import Any, Final

from hub.db.engine import Connection
from hub.db.fleet_repository import CommandRepository, CommandRow
from hub.db.writer import Writer
from hub.keys.entries import DeviceState
from hub.keys.registry import Registry
from shared.model.errors import CapacityError, InputError
from shared.protocol import limits
from shared.protocol.command import Command, decode_command, encode_command
from shared.protocol.parsing import check_json

GRACE_MS: Final = 60_000
"""An answer may be on its way for a minute after the command has expired."""
UNANSWERED: Final = "unanswered"
_OPEN: Final = frozenset({"waiting", "accepted", "running"})


class CommandsFullError(CapacityError):
    """The device has as many commands as it can remember; wait until some have expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an operator orders.

    Attributes:
        op: what is to be done.
        args: with what.
        life_s: after this nothing is done any more.
        who: orders it.
    """

    op: str
    args: Mapping[str, Any]
    life_s: int
    who: str


class CommandPost:
    """Takes commands and tells how they stand."""

    def __init__(
        self, writer: Writer, registry: Registry, clock: Callable[[], int], changed: Callable[[str], None]
    ) -> None:
        """Take what is needed.

        Args:
            writer: the database.
            registry: knows devices.
            clock: the hub's time, Unix epoch in milliseconds.
            changed: called with a device for which something waits now.
        """
        self._writer = writer
        self._registry = registry
        self._clock = clock
        self._changed = changed

    def send(self, device: str, order: Order) -> CommandRow:
        """Take a command for a device.

        Raises:
            UnknownDeviceError: it is not enrolled here.
            InputError: the device is revoked, or the command is none.
            CommandsFullError: the device could not remember it.
            TransientError: it was not committed; repeat.
        """
        if self._registry.device(device).state is DeviceState.REVOKED:
            raise InputError(f"{device} is revoked and hears nothing; enrol the machine again")
        if not 0 < order.life_s <= limits.COMMAND_LIFE_S_MAX:
            raise InputError(f"a command lives 1 to {limits.COMMAND_LIFE_S_MAX} seconds; correct its life")
        check_json(order.args)
        now_ms = self._clock()
        command = Command(
            id=token_urlsafe(16), op=order.op, args=order.args, expires_ms=now_ms + 1000 * order.life_s
        )
        decode_command(encode_command(command))  # what a device would not read is not sent

        def job(connection: Connection) -> CommandRow | None:
            repository = CommandRepository(connection)
            if repository.unexpired(device, now_ms) >= limits.COMMANDS_REMEMBERED:
                raise CommandsFullError(CommandsFullError.__doc__)
            repository.add(device, command, order.who, now_ms)
            return repository.row(command.id)

        kept = self._writer.run(job)
        self._changed(device)
        if kept is None:
            raise InputError("the command was not kept; send it again")
        return kept

    def row(self, command_id: str) -> CommandRow | None:
        """Return how a command stands."""
        with self._writer.read() as connection:
            found = CommandRepository(connection).row(command_id)
        return None if found is None else self._judged(found)

    def of_device(self, device: str, limit: int) -> list[CommandRow]:
        """Return a device's commands, the newest first."""
        with self._writer.read() as connection:
            return [self._judged(row) for row in CommandRepository(connection).of_device(device, limit)]

    def _judged(self, row: CommandRow) -> CommandRow:
        over = self._clock() > row.expires_ms + GRACE_MS
        return replace(row, state=UNANSWERED) if over and row.state in _OPEN else row
