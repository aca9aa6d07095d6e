"""Places, interests and notices of beacons.

Revision: 0018
Follows: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision: str | None = "0017"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables, the indexes and the triggers."""
    _make_places()
    _make_notices()
    op.create_table(
        "beacon_change",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('place', 'interest', 'notice')", name=op.f("ck_beacon_change_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beacon_change")),
    )
    op.create_index("ix_beacon_change_name", "beacon_change", ["kind", "name", "id"])
    for table in ("beacon_stand", "beacon_change"):
        _keep(table)


def _make_places() -> None:
    op.create_table(
        "beacon_place",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lat", sa.Float()),
        sa.Column("long", sa.Float()),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_beacon_place")),
    )
    op.create_table(
        "beacon_stand",
        sa.Column("id", _ID, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("device", sa.Text()),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["place"], ["beacon_place.code"], name=op.f("fk_beacon_stand_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beacon_stand")),
    )
    op.create_index("ix_beacon_stand_place", "beacon_stand", ["place", "id"])


def _make_notices() -> None:
    op.create_table(
        "beacon_interest",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_beacon_interest")),
    )
    op.create_table(
        "beacon_notice",
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("districts", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("drafted_by", sa.Text(), nullable=False),
        sa.Column("drafted_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_ms", sa.BigInteger()),
        sa.CheckConstraint(
            "state IN ('draft', 'approved', 'replaced', 'withdrawn')", name=op.f("ck_beacon_notice_state")
        ),
        sa.PrimaryKeyConstraint("notice", "version", name=op.f("pk_beacon_notice")),
    )
    said = sa.text("state = 'approved'")
    op.create_index(
        "uq_beacon_notice_approved",
        "beacon_notice",
        ["notice"],
        unique=True,
        sqlite_where=said,
        postgresql_where=said,
    )


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
