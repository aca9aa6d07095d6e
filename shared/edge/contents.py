"""What the town's bundles say on this device, for whoever takes cards and reports, and shows notices.

The owner's thread learns; any thread asks: what is asked is swapped whole, so nothing is locked.

Not here: whether a bundle may be taken (`bundle_shelf`), what follows from it (`admission`).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.edge.bundle_shelf import Held, read_shelf
from shared.model.agenda import Agenda, Item
from shared.model.catalogue import Catalogue
from shared.model.deny_list import DenyList, PackedSubjects
from shared.model.errors import InputError
from shared.model.fares import Fares
from shared.model.instants import to_rfc3339
from shared.model.translations import Translations
from shared.model.wording import Language
from shared.protocol import bundle, contents
from shared.protocol.contents import Content, read_content
from shared.protocol.report_status import ReportStatus
from shared.protocol.reported import BundleState
from shared.protocol.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """What is known of cards now.

    Attributes:
        denied: pseudonyms of cards that are not to be taken.
        version: of the list.
        expired: it is too old to rely on.
    """

    denied: frozenset[str] | PackedSubjects
    version: Version
    expired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What is to be shown now.

    Attributes:
        items: in the order in which they are shown.
        age_s: how long ago the device took them; None where it never had any.
        expired: what it has is too old to be shown; the list is empty.
    """

    items: tuple[Item, ...]
    age_s: int | None
    expired: bool

    def members(self, language: Language) -> dict[str, Any]:
        """Return it as a JSON object's members, in one language."""
        return {
            "notices": [_notice(item, language) for item in self.items],
            "age_s": self.age_s,
            "expired": self.expired,
        }


class Contents:
    """What the bundles say.

    Attributes:
        now_ms: the best time that the device knows, Unix epoch.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Begin with nothing.

        Args:
            now_ms: until there is a better one.
        """
        self.now_ms = now_ms
        self._deny_list: tuple[Held, DenyList] | None = None
        self._agenda: tuple[Held, Agenda] | None = None
        self._catalogue: Catalogue | None = None
        self._reports: tuple[Held, ReportStatus] | None = None
        self._translations: Translations | None = None
        self._fares: Fares | None = None

    def learn(self, held: Held, content: Content | None) -> None:
        """Take note of a bundle, or of the end of one."""
        if held.notice.retires:
            self._forget(held.notice.name)
        match content:
            case DenyList():
                self._deny_list = (held, content)
            case Agenda():
                self._agenda = (held, content)
            case Catalogue():
                self._catalogue = content
            case ReportStatus():
                self._reports = (held, content)
            case Translations():
                self._translations = content
            case Fares():
                self._fares = content
            case _:
                pass

    def _forget(self, name: str) -> None:
        match name:
            case bundle.DENY_LIST:
                self._deny_list = None
            case contents.AGENDA:
                self._agenda = None
            case contents.CATALOGUE:
                self._catalogue = None
            case contents.TRANSLATIONS:
                self._translations = None
            case contents.FARES:
                self._fares = None
            case _:
                pass

    def cards(self) -> Cards | None:
        """Return what is known of cards; None where the town has given no deny list."""
        if self._deny_list is None:
            return None
        held, listed = self._deny_list
        expired = held.state(self.now_ms()) is BundleState.EXPIRED
        return Cards(denied=listed.subjects, version=held.notice.version, expired=expired)

    def catalogue(self) -> Catalogue | None:
        """Return what can be reported; None where the town has not said."""
        return self._catalogue

    def fares(self) -> Fares | None:
        """Return what a ride costs; None where the town has not said."""
        return self._fares

    def translations(self) -> Translations | None:
        """Return what the town wrote in place of a face's own sentences; None where it wrote nothing."""
        return self._translations

    def reports(self) -> dict[str, str]:
        """Return how the reports stand that were taken here, by event id; nothing of what has expired."""
        if self._reports is None or self._reports[0].state(self.now_ms()) is BundleState.EXPIRED:
            return {}
        return {event: state.value for event, state in self._reports[1].reports.items()}

    def notices(self) -> Notices:
        """Return what is to be shown now: nothing of what has expired."""
        if self._agenda is None:
            return Notices(items=(), age_s=None, expired=False)
        held, agenda = self._agenda
        now_ms = self.now_ms()
        expired = held.state(now_ms) is BundleState.EXPIRED
        items = () if expired else tuple(agenda.current(now_ms))
        return Notices(items=items, age_s=max(0, now_ms - held.taken_ms) // 1000, expired=expired)


def contents_of(folder: Path, now_ms: Callable[[], int]) -> Contents:
    """Return what the bundles of a stopped device say.

    Args:
        folder: the identity folder.
        now_ms: the best time that there is.
    """
    found = Contents(now_ms)
    for name, held, body in read_shelf(folder):
        with suppress(InputError):
            found.learn(held, read_content(name, body))
    return found


def _notice(item: Item, language: Language) -> Mapping[str, Any]:
    return {
        "id": item.id,
        "version": item.version,
        "kind": item.kind.value,
        "title": item.title.in_language(language),
        "text": item.text.in_language(language),
        "until": to_rfc3339(item.until_ms),
        **({} if item.begins_ms is None else {"begins": to_rfc3339(item.begins_ms)}),
        **({} if item.ends_ms is None else {"ends": to_rfc3339(item.ends_ms)}),
        **({} if item.place is None else {"place": item.place}),
    }
