"""The register of cards.

Revision: 0012
Follows: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0011"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables, the indexes and the triggers."""
    op.create_table(
        "card",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("card_id", sa.LargeBinary(), nullable=False),
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("uid", sa.LargeBinary(), nullable=False),
        sa.Column("category", sa.Integer(), nullable=False),
        sa.Column("is_anonymous", sa.Boolean(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("seal_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("state_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('issued', 'blocked', 'replaced', 'refunded')", name=op.f("ck_card_state")
        ),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_card")),
        sa.UniqueConstraint("card_id", "issue", name=op.f("uq_card_card_id_issue")),
    )
    in_use = sa.text("state IN ('issued', 'blocked')")
    op.create_index("uq_card_uid", "card", ["uid"], unique=True, sqlite_where=in_use, postgresql_where=in_use)
    denied = sa.text("state <> 'issued'")
    op.create_index("ix_card_denied", "card", ["card_id"], sqlite_where=denied, postgresql_where=denied)
    op.create_table(
        "card_change",
        sa.Column("id", _ID, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["card.subject"], name=op.f("fk_card_change_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_change")),
    )
    op.create_index("ix_card_change_subject", "card_change", ["subject", "id"])
    _keep("card_change")


def _keep(table: str) -> None:
    """Lets nobody change or delete what is a record."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for name in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{name} BEFORE {name.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{name} of {table} is refused: it is a record'); END"
        )
