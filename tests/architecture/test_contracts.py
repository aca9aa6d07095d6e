"""Every import contract of `pyproject.toml` is kept, and each is broken once to see that it bites."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, settings, written_files

CONTRACTS = {contract["id"] for contract in settings()["tool"]["importlinter"]["contracts"]}
# contract: the file that gets a wrong line, and that line
PLANTED = {
    "hub_on_shared": ("shared/adapters/planted.py", "import hub.config"),
    "rooms_of_shared": ("shared/protocol/planted.py", "import shared.adapters"),
    "rooms_of_kiosk": ("kiosk_app/core/planted.py", "import kiosk_app.town"),
    "rooms_of_card": ("card_reader/apdu/planted.py", "import card_reader.desfire.card"),
    "phone_is_packable": ("beacon_node/receiver/planted.py", "import beacon_node.virtual_air.air"),
    "firmware_alone": ("beacon_node/firmware/planted.py", "import shared.protocol.limits"),
    "virtual_card_alone": ("card_reader/virtual_card/planted.py", "import card_reader.desfire.crypto"),
    "terminal_unseen": ("hub/keys/planted.py", "import card_reader.core.tap"),
    "card_keys_of_the_hub": ("kiosk_app/core/planted.py", "import card_reader.keys.sealed"),
    "rooms_of_hub": ("hub/usecases/planted.py", "import hub.db.tables"),
    "nouns_apart": ("hub/domain/payments/planted.py", "import hub.domain.notices"),
    "pure_middle": ("shared/protocol/planted.py", "from time import monotonic"),
    "sql_in_one_room": ("hub/api/planted.py", "from sqlalchemy import select"),
    "reference_core_unseen": ("hub/core/planted.py", "import hub.core.reference.cli"),
    "reference_core_alone": ("hub/core/reference/planted.py", "import hub.config"),
    "no_cycles": ("shared/model/planted.py", "import shared.model.planted_too"),
}


@pytest.fixture(scope="session")
def copied_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and their contracts, to be broken."""
    copy = tmp_path_factory.mktemp("tree")
    for path in written_files():
        if path.startswith(tuple(f"{package}/" for package in PACKAGES)) or path == "pyproject.toml":
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, copy / path)
    return copy


def lint_imports(tree: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", *chosen]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def test_contracts_in_the_tree_are_kept(copied_tree: Path) -> None:
    linted = lint_imports(copied_tree)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_contract_without_a_planted_break_is_named() -> None:
    assert set(PLANTED) == CONTRACTS


@pytest.mark.parametrize("contract", sorted(PLANTED))
def test_contract_broken_on_purpose_bites(copied_tree: Path, contract: str) -> None:
    path, line = PLANTED[contract]
    planted, back = copied_tree / path, copied_tree / path.replace("planted", "planted_too")
    planted.write_text(f"{line}\n", encoding="utf-8")
    dotted = path.removesuffix(".py").replace("/", ".")
    if contract == "no_cycles":
        back.write_text(f"import {dotted}\n", encoding="utf-8")
    try:
        linted = lint_imports(copied_tree, contract)
    finally:
        planted.unlink()
        back.unlink(missing_ok=True)
    assert linted.returncode != 0
    assert "BROKEN" in linted.stdout, linted.stdout + linted.stderr
    assert "planted" in linted.stdout
