"""A command loads what it needs, and the collector does not run meanwhile."""

import gc
import importlib
import subprocess
import sys

import pytest

from shared.adapters.loading import loading


def test_collector_rests_while_modules_are_loaded_and_goes_on_after() -> None:
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    gc.unfreeze()


def test_collector_goes_on_where_a_module_is_not_there() -> None:
    with pytest.raises(ModuleNotFoundError), loading():
        importlib.import_module("no_such_module")
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("commands", "unwanted"),
    [
        ("hub.cli", {"fastapi", "sqlalchemy", "alembic", "hub.main"}),
        ("hub.main", {"alembic", "psycopg"}),
        ("shared.edge.cli", {"hub", "PIL"}),
        ("kiosk_app.cli", {"hub", "PIL", "kivy"}),
    ],
)
def test_command_loads_nothing_that_only_others_need(commands: str, unwanted: set[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {commands}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not unwanted & set(told.stdout.split())
