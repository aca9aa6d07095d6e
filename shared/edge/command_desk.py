"""Commands on the device: remembered before anything is done, done once, and answered.

Rules:
- Nothing is done before the first welcome of this boot: nobody knows before whether a command has expired.
- A command that was taken before is answered by how it stands, and not done again.
- What cannot be remembered is not done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from shared.edge.kept_files import KeptFileError, read_kept, write_kept
from shared.edge.operations import RESTART, Operations
from shared.model.errors import InputError, TransientError, VentanillaError
from shared.protocol.command import (
    Book,
    Command,
    CommandState,
    book_members,
    decode_command,
    find,
    interrupted,
    note,
    read_book,
    settle,
)
from shared.protocol.parsing import encode, parse_object

FILE_NAME: Final = "commands.json"

log = structlog.get_logger(__name__)


class TimeUnknownError(TransientError):
    """The device does not know the time yet; send the command again when it is connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """An answer that is on its way; the session it counts in is written when it is sent."""

    id: str
    state: CommandState
    detail: str = ""
    data: Mapping[str, Any] | None = None
    was: CommandState | None = None


class CommandDesk:
    """Takes commands.

    Args:
        folder: where its file lies.
        operations: what can be done.
    """

    def __init__(self, folder: Path, operations: Operations) -> None:
        self._path = folder / FILE_NAME
        self._operations = operations
        found = read(folder)
        self._book = interrupted(found, restarts=RESTART)
        if self._book != found:
            self._keep(self._book)

    @property
    def remembered(self) -> int:
        """How many commands are remembered."""
        return len(self._book)

    def take(self, body: bytes, hub_ms: int | None) -> tuple[Command | None, list[Word]]:
        """Take a command.

        Args:
            body: of the message.
            hub_ms: the hub's time; None before the first welcome of this boot.

        Returns:
            The command, where it is to be done now, and what to answer first.

        Raises:
            TimeUnknownError: nothing is done before the first welcome.
            InputError: it is malformed.
            OSError: it cannot be remembered, and is not done.
        """
        command = decode_command(body)
        if hub_ms is None:
            raise TimeUnknownError(TimeUnknownError.__doc__)
        known = find(self._book, command.id)
        if known is not None:
            word = Word(id=known.id, state=CommandState.DUPLICATE, detail=known.detail, was=known.state)
            return None, [word]
        if command.expires_ms <= hub_ms:
            return None, [Word(id=command.id, state=CommandState.EXPIRED)]
        book = note(self._book, command, hub_ms)
        if book is None:
            detail = "the device remembers as many commands as it can; wait until some have expired"
            return None, [Word(id=command.id, state=CommandState.FAILED, detail=detail)]
        self._keep(settle(book, command.id, CommandState.RUNNING))
        return command, [
            Word(id=command.id, state=CommandState.ACCEPTED),
            Word(id=command.id, state=CommandState.RUNNING),
        ]

    def run(self, command: Command) -> Word | None:
        """Do a command that was taken; None where its outcome is told after the next start.

        Raises:
            OSError: the outcome cannot be stored; it is known in this process alone.
        """
        log.info("command", op=command.op, id=command.id)
        try:
            data = self._operations.run(command.op, command.args)
        except VentanillaError as error:
            word = Word(id=command.id, state=CommandState.FAILED, detail=str(error)[:200])
        else:
            if command.op == RESTART:
                return None
            word = Word(id=command.id, state=CommandState.DONE, data=data)
        self._keep(settle(self._book, command.id, word.state, word.detail))
        return word

    def _keep(self, book: Book) -> None:
        write_kept(self._path, encode(book_members(book)))
        self._book = book


def read(folder: Path) -> Book:
    """Read what is remembered; what is damaged counts as nothing."""
    try:
        content = read_kept(folder / FILE_NAME)
        return () if content is None else read_book(parse_object(content))
    except (KeptFileError, InputError) as error:
        log.warning("commands_damaged", reason=str(error))
        return ()
