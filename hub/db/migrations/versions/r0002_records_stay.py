"""What is a record can no longer be changed or deleted, and the legs of the ledger can be read.

Revision: 0002
Follows: 0001
"""

from alembic import op

revision = "0002"
down_revision: str | None = "0001"

ADD_ONLY = ("journal", "posting", "card_counter", "loss_found", "inbox")
LOSS_RANGE = "device, stream, epoch, first_seq, last_seq, reason, possibly_more, at_ms"

LEDGER_LEG = """
CREATE VIEW ledger_leg AS
SELECT journal_id, n, debit_account AS account_id, -amount_minor AS amount_minor FROM posting
UNION ALL
SELECT journal_id, n, credit_account, amount_minor FROM posting
"""

REFUSE_FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is a record', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$
"""


def upgrade() -> None:
    """Makes the view and the triggers."""
    op.execute(LEDGER_LEG)
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def _guard_on_postgresql() -> None:
    op.execute(REFUSE_FUNCTION)
    changes = [(table, "UPDATE OR DELETE") for table in ADD_ONLY]
    for table, change in [*changes, ("loss_record", f"DELETE OR UPDATE OF {LOSS_RANGE}")]:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE {change} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _guard_on_sqlite() -> None:
    updates = [(table, "UPDATE") for table in ADD_ONLY]
    for table, update in [*updates, ("loss_record", f"UPDATE OF {LOSS_RANGE}")]:
        for name, change in (("update", update), ("delete", "DELETE")):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{name} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{name} of {table} is refused: it is a record'); END"
            )
