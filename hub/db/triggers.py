"""What the database itself refuses: changing or deleting what is a record.

`journal`, `posting`, `card_counter`, `loss_found`, `inbox`, `report_update`, `card_change`, `beacon_stand`
and `beacon_change` are only ever added to. Of a `loss_record` the range and its reason stay as they were
written, and it stays; only what has been found since is counted.

The triggers are part of the schema: `create_all` makes them with a fresh one, migrations carry their own copy
of the text, and a test compares the two on both databases.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from hub.db.attachment_tables import attachment
from hub.db.beacon_tables import beacon_change, beacon_stand
from hub.db.card_deed_tables import card_deed
from hub.db.card_tables import card_change
from hub.db.firmware_tables import firmware
from hub.db.fleet_tables import metadata
from hub.db.mailbox_tables import mailbox_entry
from hub.db.tables import LEDGER_LEG
from hub.db.tap_tables import card_tap
from hub.db.update_tables import device_own_bundle, report_update

ADD_ONLY = ("journal", "posting", "card_counter", "loss_found", "inbox")
ADD_ONLY_LATER = (report_update.name, card_change.name, beacon_stand.name, beacon_change.name)
"""The same, of tables that came after the triggers did."""
_LOSS_RANGE = "device, stream, epoch, first_seq, last_seq, reason, possibly_more, at_ms"

_REFUSE_FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is a record', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$
"""


OTHER_TABLES = (attachment, card_deed, card_tap, device_own_bundle, firmware, mailbox_entry)
"""Tables with a module of their own: naming them here makes `metadata` know them."""


def create_all(connection: Connection) -> None:
    """Makes a fresh schema: tables, view and triggers."""
    metadata.create_all(connection)
    connection.execute(text(LEDGER_LEG))
    for statement in guards(connection.dialect.name):
        connection.execute(text(statement))


def guards(dialect: str) -> Iterator[str]:
    """The statements that make the triggers.

    Args:
        dialect: `sqlite` or `postgresql`.
    """
    if dialect == "postgresql":
        yield _REFUSE_FUNCTION
        for table in (*ADD_ONLY, *ADD_ONLY_LATER):
            yield _postgresql(table, "UPDATE OR DELETE", "change")
        yield _postgresql("loss_record", f"DELETE OR UPDATE OF {_LOSS_RANGE}", "change")
        for table in (*ADD_ONLY, *ADD_ONLY_LATER, "loss_record"):
            yield (
                f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for table in (*ADD_ONLY, *ADD_ONLY_LATER):
        yield _sqlite(table, "UPDATE", "update")
        yield _sqlite(table, "DELETE", "delete")
    yield _sqlite("loss_record", f"UPDATE OF {_LOSS_RANGE}", "update")
    yield _sqlite("loss_record", "DELETE", "delete")


def _sqlite(table: str, change: str, name: str) -> str:
    return (
        f"CREATE TRIGGER {table}_refuses_{name} BEFORE {change} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{name} of {table} is refused: it is a record'); END"
    )


def _postgresql(table: str, change: str, name: str) -> str:
    return (
        f"CREATE TRIGGER {table}_refuses_{name} BEFORE {change} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
