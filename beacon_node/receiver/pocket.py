"""The phone's folder: what the person chose, what was shown, what was decided of late, the town's bundles.

    town.json        where the bundles come from, and the keys that must have signed them
    person.json      what the person chose
    history.json     what was shown, by keyed hashes
    decisions.json   the last decisions, for `why`; at most a day old
    bundles/         the newest bundle of each name, as it was signed

Rules:
- Private from its first byte on (0600 in a folder of 0700), each file whole or not at all.
- A file that is damaged counts as none, except the person's: a yes is never guessed.
- `forget` leaves nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from shutil import rmtree
from typing import Final, Self, TypeVar

from beacon_node.receiver.core.history import KEY_BYTES, History
from beacon_node.receiver.core.person import Person
from shared.edge.kept_files import KeptFileError, read_kept, write_kept
from shared.model import codes, fields
from shared.model.beacon_notices import address
from shared.model.errors import InputError
from shared.protocol.parsing import encode, parse_object

T = TypeVar("T")
BUNDLES: Final = "bundles"
_PERSON, _HISTORY, _DECISIONS, _TOWN = "person.json", "history.json", "decisions.json", "town.json"
_KEY_HEX_LENGTH: Final = 64
_KEYS_MAX: Final = 4
_AUTHORITY_LENGTH_MAX: Final = 16_384
DECISIONS_MAX: Final = 200
DECISION_KEPT_MS: Final = 24 * 3_600_000
_REASON_LENGTH_MAX: Final = 32


class NoTownError(InputError):
    """This phone knows no town yet; `ventanilla receiver fetch --hub … --district … --key …` names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Where bundles come from.

    Attributes:
        hub_url: by https.
        district: code of the district.
        signing: raw Ed25519 public keys, one of which must have signed a bundle.
        authority_pem: who vouches for the hub's certificate; None: whom this phone trusts anyway.
    """

    hub_url: str
    district: str
    signing: tuple[bytes, ...]
    authority_pem: str | None

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the phone's file.

        Raises:
            InputError: a field is missing or wrong.
        """
        return cls(
            hub_url=address(data, "hub_url"),
            district=codes.district(data, "district"),
            signing=tuple(key_of(text) for text in fields.texts(data, "signing", _KEYS_MAX, _KEY_HEX_LENGTH)),
            authority_pem=fields.text_or_none(data, "authority_pem", _AUTHORITY_LENGTH_MAX),
        )

    def to_data(self) -> dict[str, object]:
        """As the phone keeps it."""
        return {
            "hub_url": self.hub_url,
            "district": self.district,
            "signing": [raw.hex() for raw in self.signing],
            **fields.present(authority_pem=self.authority_pem),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision, as it is remembered for a while.

    Attributes:
        at_ms: when.
        place: of the beacon, where it was recognised.
        reason: the whole in one word.
        notices: id and reason of each notice that was looked at.
    """

    at_ms: int
    place: str | None
    reason: str
    notices: tuple[tuple[str, str], ...]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of the phone's file.

        Raises:
            InputError: a field is missing or wrong.
        """
        return cls(
            at_ms=fields.whole(data, "at_ms", 0, fields.INTEGER_MAX),
            place=fields.text_or_none(data, "place", codes.PLACE_LENGTH_MAX),
            reason=fields.text(data, "reason", _REASON_LENGTH_MAX),
            notices=fields.each(data, "notices", fields.INTEGER_MAX, _judged),
        )

    def to_data(self) -> dict[str, object]:
        """As the phone keeps it."""
        return {
            "at_ms": self.at_ms,
            **fields.present(place=self.place),
            "reason": self.reason,
            "notices": [{"id": notice, "reason": reason} for notice, reason in self.notices],
        }


class Pocket:
    """Keeps a phone's files.

    Args:
        folder: made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def person(self) -> Person:
        """Return what the person chose; nobody's choice where there is no file.

        Raises:
            KeptFileError: it is damaged.
            InputError: the same.
        """
        held = read_kept(self.folder / _PERSON)
        return Person() if held is None else Person.from_data(parse_object(held))

    def keep_person(self, person: Person) -> None:
        """Store what the person chose."""
        write_kept(self.folder / _PERSON, encode(person.to_data()))

    def history(self) -> History:
        """Return what was shown; a new history where there is none, or it is damaged."""
        held = self._read(_HISTORY, History.from_data)
        return History(token_bytes(KEY_BYTES)) if held is None else held

    def keep_history(self, history: History) -> None:
        """Store what was shown."""
        write_kept(self.folder / _HISTORY, encode(history.to_data()))

    def decisions(self, now_ms: int) -> tuple[Decided, ...]:
        """Return the decisions of the last day, the oldest first."""
        held = self._read(
            _DECISIONS, lambda data: fields.each(data, "decisions", DECISIONS_MAX, Decided.from_data)
        )
        return tuple(one for one in held or () if abs(now_ms - one.at_ms) < DECISION_KEPT_MS)

    def keep_decisions(self, decisions: tuple[Decided, ...]) -> None:
        """Store the last decisions."""
        told = [one.to_data() for one in decisions[-DECISIONS_MAX:]]
        write_kept(self.folder / _DECISIONS, encode({"decisions": told}))

    def town(self) -> Town:
        """Return where bundles come from.

        Raises:
            NoTownError: nobody said, or the file is damaged.
        """
        held = self._read(_TOWN, Town.from_data)
        if held is None:
            raise NoTownError(NoTownError.__doc__)
        return held

    def keep_town(self, town: Town) -> None:
        """Store where bundles come from."""
        write_kept(self.folder / _TOWN, encode(town.to_data()))

    def forget(self) -> None:
        """Leave nothing of this phone's."""
        if self.folder.exists():
            rmtree(self.folder)

    def _read(self, name: str, read: Callable[[Mapping[str, object]], T]) -> T | None:
        try:
            held = read_kept(self.folder / name)
            return None if held is None else read(parse_object(held))
        except (KeptFileError, InputError):
            return None


def key_of(text: str) -> bytes:
    """Read a public key as it is written down.

    Raises:
        InputError: it is none.
    """
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if raw.hex() != text or len(text) != _KEY_HEX_LENGTH:
        raise InputError("a town's key is 64 small hexadecimal digits; take it from the town hall's QR code")
    return raw


def _judged(data: Mapping[str, object]) -> tuple[str, str]:
    return fields.text(data, "id", 200), fields.text(data, "reason", _REASON_LENGTH_MAX)
