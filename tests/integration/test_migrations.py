"""The schema after every migration is the fresh one, and what was refused stays refused."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.db import migrate
from hub.db.engine import open_writer, sqlite_url
from hub.db.migrate import upgrade
from hub.db.schema import check
from hub.db.triggers import ADD_ONLY
from shared.model.errors import InputError
from tests.support.forbidden import FORBIDDEN, fill
from tests.support.hub_database import fresh_database, transaction
from tests.support.schema import described

STEPS = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
REVISIONS = [step.revision for step in reversed(list(STEPS.walk_revisions()))]


def test_migrated_schema_is_the_fresh_one(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "hub.db")
    upgrade(url)
    fresh, migrated = fresh_database(), open_writer(url)
    with transaction(fresh) as here, transaction(migrated) as there:
        assert described(there) == described(here)
    fresh.dispose()
    migrated.dispose()


def test_missing_trigger_would_be_seen(tmp_path: Path) -> None:
    fresh = fresh_database()
    with transaction(fresh) as connection:
        before = described(connection)
        connection.execute(text("DROP TRIGGER posting_refuses_update"))
        assert described(connection) != before
    fresh.dispose()


@pytest.mark.parametrize("revision", REVISIONS[REVISIONS.index("0002") :])
def test_record_is_refused_to_change_after_every_migration(revision: str) -> None:
    """From 0002 on, which brought the triggers: no later step may lose them."""
    engine = open_writer("sqlite://")
    with engine.connect() as connection:
        with connection.begin():
            context = MigrationContext.configure(connection)
            for step in reversed(list(STEPS.iterate_revisions(revision, "base"))):
                with Operations.context(context):
                    step.module.upgrade()
            fill(connection)
        for statement in FORBIDDEN:
            with pytest.raises(DBAPIError, match="it is a record"), connection.begin():
                connection.execute(text(statement))
    engine.dispose()


def test_no_migration_alters_the_ledger_in_batch_mode() -> None:
    for step in Path(migrate.__file__).parent.glob("migrations/versions/r*.py"):
        source = step.read_text(encoding="utf-8")
        assert not any(f'batch_alter_table("{table}"' in source for table in (*ADD_ONLY, "loss_record"))


def test_upgrade_again_changes_nothing_and_keeps_rows(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "hub.db")
    upgrade(url)
    engine = open_writer(url)
    with transaction(engine) as connection:
        fill(connection)
    engine.dispose()
    upgrade(url)
    engine = open_writer(url)
    with transaction(engine) as connection:
        check(connection)
        assert connection.execute(text("SELECT count(*) FROM posting")).scalar_one() == 1
    engine.dispose()


def test_database_of_another_version_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "hub.db")
    engine = open_writer(url)
    with transaction(engine) as connection, pytest.raises(InputError):
        check(connection)
    engine.dispose()
    upgrade(url)
    engine = open_writer(url)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with transaction(engine) as connection, pytest.raises(InputError, match="another version"):
        check(connection)
    engine.dispose()
    with pytest.raises(InputError, match="newer hub"):
        upgrade(url)


def test_migrations_run_from_any_folder(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "hub.db")
    root = Path(migrate.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); from hub.db.migrate import upgrade; upgrade({url!r})"
    )
    subprocess.run([sys.executable, "-I", "-c", code], cwd="/", check=True)
    engine = open_writer(url)
    with transaction(engine) as connection:
        check(connection)
    engine.dispose()
