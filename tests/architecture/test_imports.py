"""Import rules that import-linter cannot say (allow-lists above all): each holds, each is seen to bite."""

import ast
import sys
from collections.abc import Iterator

import pytest

from tests.architecture.rules import Rule
from tests.architecture.tree import Module, product_modules

BOARD = ("bluetooth", "cryptolib", "esp32", "machine", "micropython", "network", "rp2", "vfs")
"""What a board's MicroPython has."""
# What a room may import besides the standard library; `pure_middle` says what of the library is too much.
ALLOWED = {
    "beacon_node.receiver.core": (
        "shared.model",
        "shared.beacon_wire",
        "beacon_node.receiver.core",
        "cryptography",
    ),
    "beacon_node.firmware": ("beacon_node.firmware", "shared.beacon_wire", *BOARD),
    "shared.beacon_wire": ("shared.beacon_wire",),
    "shared.model": ("shared.model",),
    "shared.protocol": ("shared.beacon_wire", "shared.model", "shared.protocol", "cryptography"),
    "card_reader.apdu": ("shared.model", "card_reader.apdu", "card_reader.transport.port"),
    "card_reader.desfire": ("shared.model", "card_reader.apdu", "card_reader.desfire", "cryptography"),
    "card_reader.citizen_card": (
        "shared.model",
        "card_reader.apdu",
        "card_reader.citizen_card",
        "card_reader.desfire",
    ),
    "card_reader.core": (
        "shared.model",
        "card_reader.apdu",
        "card_reader.citizen_card",
        "card_reader.core",
        "card_reader.desfire",
    ),
    "card_reader.keys": (
        "shared.model",
        "card_reader.citizen_card",
        "card_reader.desfire",
        "card_reader.keys",
        "cryptography",
    ),
    "hub.domain": (
        "shared.model",
        "card_reader.apdu",
        "card_reader.citizen_card",
        "card_reader.desfire",
        "card_reader.keys.errors",
        "hub.domain",
    ),
    "kiosk_app.core": ("shared.model", "kiosk_app.core"),
}
# A library enters the project through one door, so that its ways stay behind it.
SOLE_IMPORTERS = {
    "PIL": ("shared.adapters", "kiosk_app.documents.drawn"),
    "alembic": ("hub.db",),
    "bleak": ("beacon_node.receiver", "beacon_node.virtual_air"),
    "bumble": ("beacon_node.virtual_air",),
    "babel": ("kiosk_app.languages",),
    "fastapi": ("hub.api", "hub.core.reference"),
    "h11": ("hub.core",),
    "kivy": ("kiosk_app.ui",),
    "paho": ("shared.adapters",),
    "prometheus_client": ("hub.api", "hub.metrics"),
    "psycopg": ("hub.db",),
    "pydantic_settings": ("hub.config",),
    "rich": ("hub.demo", "hub.conform"),
    "segno": ("kiosk_app.documents", "kiosk_app.ui"),
    "sqlalchemy": ("hub.db",),
    "sqlite3": ("hub.db", "hub.core.reference", "shared.adapters", "card_reader.owner.taps_file"),
    "sqlite_utils": ("hub.core.reference", "shared.adapters", "card_reader.owner.taps_file"),
    "starlette": ("hub.api", "hub.core.reference"),
    "uvicorn": ("hub.main", "hub.api", "hub.core.reference"),
}
ENVIRONMENT_READERS = ("beacon_node.virtual_air.shims", "hub.config", "shared.adapters.service_manager")
PURE = (
    "beacon_node.receiver.core",
    "card_reader.apdu",
    "card_reader.citizen_card",
    "card_reader.core",
    "card_reader.desfire",
    "card_reader.keys",
    "shared.model",
    "shared.protocol",
    "hub.domain",
    "hub.usecases",
    "kiosk_app.core",
)
CLOCKS = frozenset({"now", "today", "utcnow"})


def beyond_allowed(module: Module) -> Iterator[str]:
    for room, allowed in ALLOWED.items():
        if module.within(room):
            for line, name in module.imports():
                known = name.partition(".")[0] in sys.stdlib_module_names
                if not known and not _within(name, *allowed):
                    yield f"{line}: {name} in {room}"


def through_another_door(module: Module) -> Iterator[str]:
    for line, name in module.imports():
        doors = SOLE_IMPORTERS.get(name.partition(".")[0])
        if doors and not module.within(*doors):
            yield f"{line}: {name} outside {', '.join(doors)}"


def environment_read(module: Module) -> Iterator[str]:
    if module.within(*ENVIRONMENT_READERS):
        return
    for node in module.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" as name):
                yield f"{node.lineno}: os.{name}"
            case ast.ImportFrom(module="os", names=names):
                yield from (
                    f"{node.lineno}: os.{alias.name}"
                    for alias in names
                    if alias.name in {"environ", "getenv"}
                )
            case _:
                pass


def clock_read(module: Module) -> Iterator[str]:
    if module.within(*PURE):
        for node in module.nodes:
            match node:
                case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS:
                    yield f"{node.lineno}: {name}()"
                case _:
                    pass


def _within(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


RULES = (beyond_allowed, through_another_door, environment_read, clock_read)
BAD = {
    "beyond_allowed": ("shared/model/page.py", "import cryptography"),
    "through_another_door": ("hub/forwarder/page.py", "from paho.mqtt.client import Client"),
    "environment_read": ("hub/main.py", "import os\nhome = os.environ['VENTANILLA_HOME']"),
    "clock_read": ("shared/protocol/page.py", "from datetime import UTC, datetime\nx = datetime.now(UTC)"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_import_rule_holds_in_every_file(rule: Rule) -> None:
    wrong = [f"{module.path}:{what}" for module in product_modules() for what in rule(module)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_import_rule_broken_on_purpose_bites(rule: Rule) -> None:
    assert list(rule(Module.parse(*BAD[rule.__name__])))
