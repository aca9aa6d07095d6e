"""What comes back from the core: updates of reports, kept as a record, and bundles of one device's own.

Revision: 0007
Follows: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables and the triggers."""
    op.create_table(
        "report_update",
        sa.Column("id", _ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=True),
        sa.Column("heard_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'closed')", name=op.f("ck_report_update_status")),
        sa.ForeignKeyConstraint(
            ["reference"], ["service_request.reference"], name=op.f("fk_report_update_reference")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_update")),
    )
    op.create_index("ix_report_update_reference", "report_update", ["reference", "id"])
    op.create_index("ix_report_update_device", "report_update", ["device", "heard_ms"])
    op.create_table(
        "device_own_bundle",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", "name", name=op.f("pk_device_own_bundle")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER report_update_refuses_change BEFORE UPDATE OR DELETE ON report_update "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            "CREATE TRIGGER report_update_refuses_truncate BEFORE TRUNCATE ON report_update "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for name in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER report_update_refuses_{name} BEFORE {name.upper()} ON report_update "
            f"BEGIN SELECT RAISE(ABORT, '{name} of report_update is refused: it is a record'); END"
        )
