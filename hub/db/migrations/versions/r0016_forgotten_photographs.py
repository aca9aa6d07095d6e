"""A photograph whose report is over may be forgotten.

Revision: 0016
Follows: 0015
"""

from alembic import op

revision = "0016"
down_revision: str | None = "0015"

_NAME = "ck_attachment_state"
_STATES = "state IN ('missing', 'stored', 'lost', 'forgotten')"


def upgrade() -> None:
    """Lets a body be forgotten."""
    with op.batch_alter_table("attachment") as table:
        table.drop_constraint(op.f(_NAME), type_="check")
        table.create_check_constraint(op.f(_NAME), _STATES)
