"""The settings of devices: each with its type and limits, one table for hub and device.

The hub refuses what is not in the table. A device checks what it knows and keeps the rest: an older device
meets a newer hub.

Not here: where a value comes from (`hub.domain.settings`), how it is put in force (`shared.edge`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from shared.beacon_wire.eddystone import write_url
from shared.model.beacon_keys import EXPONENT_MAX
from shared.model.errors import InputError
from shared.model.fields import degrees_or_none, text
from shared.model.instants import WEEK
from shared.protocol import limits
from shared.protocol.enrolment import is_address
from shared.protocol.parsing import encode

BROKERS: Final = "link.brokers"
BACKOFF_MAX_S: Final = "link.backoff_max_s"
PAYMENTS_TAKEN: Final = "payments.taken"
CASES_TAKEN: Final = "cases.taken"
CONFIRM: Final = "link.confirm_s"
OFFLINE_LIMIT: Final = "payments.offline_limit_minor"
SCREEN_LANGUAGES: Final = "screen.languages"
SCREEN_IDLE: Final = "screen.idle_s"
SCREEN_WARNING: Final = "screen.warning_s"
SCREEN_RECEIPT: Final = "screen.receipt_s"
KIOSK_PLACE: Final = "kiosk.place"
KIOSK_BRAND: Final = "kiosk.brand"
KIOSK_HOURS: Final = "kiosk.hours"
KIOSK_VERIFY: Final = "kiosk.verify"
EID_EXPONENT: Final = "beacon.eid_exponent"
WIFI_NETWORKS: Final = "wifi.networks"
WIFI_NETWORKS_MAX: Final = 4
NODE_GROUPS: Final = frozenset({"beacon", "firmware", "wifi"})
"""What is set for nodes alone: no other device is given it."""
HIDDEN: Final = "***"
"""Stands where a secret word is not shown."""
BRAND_NAME_LENGTH_MAX: Final = 60
_NETWORK_NAME_BYTES_MAX: Final = 32
_NETWORK_WORD_BYTES: Final = (8, 63)
_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}")
_WEB_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.-]{1,80}(:[0-9]{1,5})?(/[A-Za-z0-9._~-]{1,40}){0,4}")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
ADDRESS_LENGTH_MAX: Final = 120
BROKERS_MAX: Final = 8


class SettingError(InputError):
    """This is no setting, or not a value that it may have; `ventanilla hub settings list` shows them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting.

    Attributes:
        name: as it is written everywhere, group first.
        default: what holds where nobody has set it, in words.
        values: what it may be, in words that end a sentence.
        effect: what it does, in a sentence.
        allows: tells whether a value may be.
    """

    name: str
    default: str
    values: str
    effect: str
    allows: Callable[[object], bool]


def check_settings(doc: Mapping[str, Any], *, strict: bool) -> None:
    """Hold a document of settings against the table.

    Args:
        doc: value by setting.
        strict: whether a name that is not in the table is refused too; the hub is strict, a device is not.

    Raises:
        SettingError: a value that cannot be, or, if strict, a name that is none.
    """
    for name, value in doc.items():
        setting = SETTINGS.get(name)
        if setting is None and strict:
            raise SettingError(
                f"There is no setting {name[:40]}; `ventanilla hub settings list` shows them all."
            )
        if setting is not None and not setting.allows(value):
            raise SettingError(f"{name} is {setting.values}; give it such a value")
    if len(encode(doc)) > limits.SETTINGS_BYTES_MAX:
        raise SettingError(
            f"all settings together have at most {limits.SETTINGS_BYTES_MAX} bytes; shorten the lists"
        )


def settings_of(kind: str, doc: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a document that a kind of device is given.

    A node's flash and memory are small: it has what is for nodes and the link's. No other device has a
    node's Wi-Fi words.
    """
    wanted = NODE_GROUPS | {"link"}
    return {
        name: value
        for name, value in doc.items()
        if (_group(name) in wanted if kind == "beacon" else _group(name) not in NODE_GROUPS)
    }


def shown(name: str, value: object) -> object:
    """Return a setting's value as anybody may see it: without the words of Wi-Fi networks."""
    if name != WIFI_NETWORKS or type(value) is not list:
        return value
    networks = cast("list[object]", value)
    return [[*_texts(network)[:1], HIDDEN] for network in networks]


def _group(name: str) -> str:
    return name.partition(".")[0]


def _whole(minimum: int, maximum: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and minimum <= value <= maximum


def _is_flag(value: object) -> bool:
    return type(value) is bool


def _one_of(*words: str) -> Callable[[object], bool]:
    return lambda value: type(value) is str and value in words


def _some_of(*words: str) -> Callable[[object], bool]:
    def allows(value: object) -> bool:
        items = _texts(value)
        return bool(items) and set(items) <= set(words) and len(set(items)) == len(items)

    return allows


def _are_brokers(value: object) -> bool:
    items = _texts(value)
    return 0 < len(items) <= BROKERS_MAX and all(map(_is_broker, items))


def _is_broker(text: str) -> bool:
    return is_address(text) and int(text.rpartition(":")[2]) < 65_536  # noqa: PLR2004 - TCP has no port beyond


def _is_place(value: object) -> bool:
    if type(value) is not dict:
        return False
    place = cast("dict[str, object]", value)
    try:
        degrees = (degrees_or_none(place, "lat", 90), degrees_or_none(place, "long", 180))
        text(place, "address", ADDRESS_LENGTH_MAX)
    except InputError:
        return False
    return None not in degrees and place.keys() == {"lat", "long", "address"}


def _is_brand(value: object) -> bool:
    if type(value) is not dict:
        return False
    brand = cast("dict[str, object]", value)
    name = brand.get("name")
    colours = [brand[part] for part in ("primary", "accent") if part in brand]
    return (
        bool(brand)
        and brand.keys() <= {"name", "primary", "accent"}
        and (name is None or (type(name) is str and 0 < len(name.strip()) <= BRAND_NAME_LENGTH_MAX))
        and all(type(colour) is str and _COLOUR.fullmatch(colour) is not None for colour in colours)
    )


def _is_web_address(value: object) -> bool:
    return type(value) is str and _WEB_ADDRESS.fullmatch(value) is not None


def _are_hours(value: object) -> bool:
    if type(value) is not dict:
        return False
    days = cast("dict[str, object]", value)
    spans = [_texts(span) for span in days.values()]
    return (
        bool(days)
        and days.keys() <= set(WEEK)
        and all(len(span) == 2 and span[0] < span[1] for span in spans)  # noqa: PLR2004 - from and to
        and all(_TIME.fullmatch(moment) is not None for span in spans for moment in span)
    )


def _is_beacon_url(value: object) -> bool:
    try:
        return type(value) is str and bool(write_url(0, value))
    except ValueError:
        return False


def _are_networks(value: object) -> bool:
    networks = cast("list[object]", value) if type(value) is list else []
    return 0 < len(networks) <= WIFI_NETWORKS_MAX and all(map(_is_network, networks))


def _is_network(value: object) -> bool:
    items = _texts(value)
    if len(items) != 2:  # noqa: PLR2004 - name and word
        return False
    try:
        name, word = (len(item.encode()) for item in items)
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
    shortest, longest = _NETWORK_WORD_BYTES
    return 0 < name <= _NETWORK_NAME_BYTES_MAX and (word == 0 or shortest <= word <= longest)


def _texts(value: object) -> list[str]:
    items = cast("list[object]", value) if type(value) is list else []
    texts = [item for item in items if type(item) is str]
    return texts if len(texts) == len(items) else []


SETTINGS: Final[Mapping[str, Setting]] = {
    setting.name: setting
    for setting in (
        Setting(
            name=BROKERS,
            default="those of the enrolment",
            values=f"a list of 1 to {BROKERS_MAX} brokers as host:port",
            effect="Where the device finds the broker.",
            allows=_are_brokers,
        ),
        Setting(
            name=BACKOFF_MAX_S,
            default="60",
            values="a whole number of seconds from 1 to 60",
            effect="The longest wait between two attempts to reach the broker.",
            allows=_whole(1, limits.BACKOFF_MAX_MS // 1000),
        ),
        Setting(
            name=CONFIRM,
            default="120",
            values=f"a whole number of seconds from 1 to {limits.CONFIRM_S_MAX}",
            effect="How long changed settings may take to reach the hub before the device goes back.",
            allows=_whole(1, limits.CONFIRM_S_MAX),
        ),
        Setting(
            name=PAYMENTS_TAKEN,
            default="true",
            values="true or false",
            effect="Whether the device takes payments; if not it says so before anyone begins.",
            allows=_is_flag,
        ),
        Setting(
            name=CASES_TAKEN,
            default="true",
            values="true or false",
            effect="Whether the device takes reports and responses.",
            allows=_is_flag,
        ),
        Setting(
            name="log.level",
            default="info",
            values="one of debug, info, warning, error",
            effect="How much the device writes to its log.",
            allows=_one_of("debug", "info", "warning", "error"),
        ),
        Setting(
            name=OFFLINE_LIMIT,
            default=str(limits.OFFLINE_LIMIT_MINOR),
            values="a whole number of minor units from 0 to 100000",
            effect="What one card may spend on one device while the deny list has expired.",
            allows=_whole(0, 100_000),
        ),
        Setting(
            name=SCREEN_LANGUAGES,
            default="es, ca, en",
            values="a list of one or more of es, ca, en, each once",
            effect="For a face: the languages that it offers, the first one first; one alone asks nobody.",
            allows=_some_of("es", "ca", "en"),
        ),
        Setting(
            name=SCREEN_IDLE,
            default="60",
            values="a whole number of seconds from 15 to 600",
            effect="For a face: silence after which it asks whether somebody is there.",
            allows=_whole(15, 600),
        ),
        Setting(
            name=SCREEN_WARNING,
            default="30",
            values="a whole number of seconds from 20 to 120",
            effect="For a face: how long it then waits before it forgets the citizen.",
            allows=_whole(20, 120),
        ),
        Setting(
            name=SCREEN_RECEIPT,
            default="60",
            values="a whole number of seconds from 20 to 600",
            effect="For a face: how long a receipt stays before it asks.",
            allows=_whole(20, 600),
        ),
        Setting(
            name=KIOSK_PLACE,
            default="somewhere in the town",
            values='an object like {"lat":43.46,"long":-3.81,"address":"Plaza Mayor 1"}',
            effect="For a kiosk: where it stands.",
            allows=_is_place,
        ),
        Setting(
            name=KIOSK_BRAND,
            default="the town's file",
            values='an object like {"name":"Ayuntamiento de Villar","primary":"#5B1A3A","accent":"#FFD166"},'
            " each part where it differs",
            effect="For a kiosk: its name on pages and tickets, the colours of heads and of the next step.",
            allows=_is_brand,
        ),
        Setting(
            name=KIOSK_HOURS,
            default="not said",
            values='an object like {"mon":["09:00","14:00"],"sat":["10:00","13:00"]}, of mon to sun',
            effect="For a kiosk: when the counter is open; else its first page says when it opens.",
            allows=_are_hours,
        ),
        Setting(
            name=KIOSK_VERIFY,
            default="not said",
            values="an address such as https://avisos.villar.es, without a slash at its end",
            effect="For a kiosk: where telephones reach the hub; a receipt's QR code then opens its page.",
            allows=_is_web_address,
        ),
        Setting(
            name=EID_EXPONENT,
            default="10",
            values=f"a whole number from 0 to {EXPONENT_MAX}",
            effect="For a node: K, its identifier changes every 2^K seconds; for the city or a district.",
            allows=_whole(0, EXPONENT_MAX),
        ),
        Setting(
            name="beacon.interval_ms",
            default="400",
            values="a whole number of milliseconds from 100 to 10000",
            effect="For a node: the time between two advertisements.",
            allows=_whole(100, 10_000),
        ),
        Setting(
            name="beacon.tx_dbm_0m",
            default="-20",
            values="a whole number from -100 to 20",
            effect="For a node: what its frames say of its power at 0 m, in dBm.",
            allows=_whole(-100, 20),
        ),
        Setting(
            name="beacon.url",
            default="none",
            values="an address of the web of at most 17 encoded bytes, such as https://villar.es/b/7",
            effect="For a node: the address that it says on the air as Eddystone-URL.",
            allows=_is_beacon_url,
        ),
        Setting(
            name=WIFI_NETWORKS,
            default="those of the enrolment",
            values=f'a list of 1 to {WIFI_NETWORKS_MAX} networks like [["name","word"]], the word of 8 to 63'
            " bytes or empty",
            effect="For a node: its Wi-Fi networks; their words are never shown.",
            allows=_are_networks,
        ),
    )
}
