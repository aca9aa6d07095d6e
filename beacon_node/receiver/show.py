"""Showing a notice: a port, and the terminal's own. Opening the link is the person's act."""

from textwrap import wrap
from typing import Final, Protocol, TextIO

from beacon_node.receiver.core.resolver import Found
from beacon_node.receiver.words import MORE, UNPROVEN, URGENT
from shared.model.beacon_notices import BeaconNotice, Urgency
from shared.model.wording import Language

_WIDTH: Final = 60


class Notifier(Protocol):
    """Puts a notice before the person."""

    def show(self, notice: BeaconNotice, found: Found, language: Language) -> None:
        """Show a notice.

        Args:
            notice: what to show.
            found: the beacon at which it is said.
            language: of the person.
        """
        ...


class TerminalNotifier:
    """Writes notices to a terminal. Implements `Notifier`.

    Args:
        to: where to.
    """

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def show(self, notice: BeaconNotice, found: Found, language: Language) -> None:
        """Write a notice; signs that would steer the terminal are left out."""
        head = _plain(notice.title.in_language(language))
        if notice.urgency is Urgency.URGENT:
            head = f"! {URGENT.in_language(language)}: {head}"
        lines = [head, _plain(found.beacon.name.in_language(language)), ""]
        lines += wrap(_plain(notice.text.in_language(language)), _WIDTH)
        if notice.link is not None:
            lines += ["", f"{MORE.in_language(language)}: {notice.link}"]
        if not found.proven:
            lines += ["", f"? {UNPROVEN.in_language(language)}"]
        self._to.write("".join(f"  {line}".rstrip() + "\n" for line in ["", *lines, ""]))
        self._to.flush()


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
