"""What the owner tells the screen's process: who it is, what is closed, what the town says. Pure.

    {"tell":"hello","device":"kiosk-7","site":"Plaza Mayor","sealing":"…","settings":{…},"version":"0.1.0"}
    {"tell":"standing","closed":{"cases":"full"},"network":false,"away_s":7200,"sealing":"…"}
    {"tell":"catalogue"} +the catalogue's body        {"tell":"agenda"} +the items that are current
    {"tell":"translations"} +the town's own sentences
    {"tell":"paper_test"}    {"tell":"anew"}    {"tell":"begin","aloud":false}

A hello comes first, once. The others replace what was told before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from shared.model.agenda import Agenda, Item
from shared.model.catalogue import Catalogue
from shared.model.event import Stream
from shared.model.fields import flag, text
from shared.model.translations import Translations
from shared.protocol import limits
from shared.protocol.parsing import ParseError, as_object, number, parse_object
from shared.protocol.sealing import HubSealingPublicKey

SITE_LENGTH_MAX: Final = 64
VERSION_LENGTH_MAX: Final = 64
WHY_CLOSED_LENGTH_MAX: Final = 32
KEY_HEX_LENGTH_MAX: Final = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who this kiosk is, as long as this process lives.

    Attributes:
        device: its id.
        site: where it stands, in the town's words.
        sealing: what citizens' words are sealed to.
        settings: value by setting, as they were in force at the start.
        version: of the software.
    """

    device: str
    site: str
    sealing: HubSealingPublicKey
    settings: Mapping[str, Any]
    version: str

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> "Hello":
        """Read a hello.

        Raises:
            InputError: it is none.
        """
        if members.get("tell") != "hello":
            raise ParseError("The owner says hello first; install one version and restart the device.")
        return cls(
            device=text(members, "device", limits.DEVICE_ID_LENGTH_MAX),
            site=str(members.get("site", ""))[:SITE_LENGTH_MAX],
            sealing=_sealing(members),
            settings=MappingProxyType(as_object(members.get("settings"), "settings")),
            version=text(members, "version", VERSION_LENGTH_MAX),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the owner said last.

    Attributes:
        closed: why nothing is taken on a lane, one of `WHY_CLOSED`; what is not in it is open.
        network: whether the hub is reached.
        away_s: since when it is not; None while it is, or where nobody knows.
        sealing: what is to be sealed to from the next session on; None: as the hello said.
        catalogue: what can be reported; None where the town has not said.
        announcements: what is current.
        translations: what the town wrote in place of our sentences; None where it wrote nothing.
    """

    closed: Mapping[Stream, str] = field(default_factory=lambda: MappingProxyType({}))
    network: bool = False
    away_s: int | None = None
    sealing: HubSealingPublicKey | None = None
    catalogue: Catalogue | None = None
    announcements: tuple[Item, ...] = ()
    translations: Translations | None = None

    def after(self, members: Mapping[str, Any], body: bytes) -> "Told":
        """Return what is told after one more message; one of no known name changes nothing.

        Raises:
            InputError: it is malformed.
        """
        match members.get("tell"):
            case "standing":
                closed = as_object(members.get("closed"), "closed")
                return replace(
                    self,
                    closed={Stream(name): text(closed, name, WHY_CLOSED_LENGTH_MAX) for name in closed},
                    network=flag(members, "network"),
                    away_s=None if members.get("away_s") is None else number(members, "away_s"),
                    sealing=_sealing(members),
                )
            case "catalogue":
                found = Catalogue.from_data(parse_object(body)) if body else None
                return replace(self, catalogue=found)
            case "agenda":
                return replace(self, announcements=tuple(Agenda.from_data(parse_object(body)).items))
            case "translations":
                found = Translations.from_data(parse_object(body)) if body else None
                return replace(self, translations=found)
            case _:
                return self


def _sealing(members: Mapping[str, Any]) -> HubSealingPublicKey:
    digits = text(members, "sealing", KEY_HEX_LENGTH_MAX)
    try:
        return HubSealingPublicKey(bytes.fromhex(digits))
    except ValueError as error:
        raise ParseError("The key to seal to is hexadecimal.") from error
