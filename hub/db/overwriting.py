"""What is forgotten is overwritten in the database's file, not only made free."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection


@contextmanager
def overwriting(connection: Connection) -> Generator[None]:
    """Overwrite what is changed and deleted meanwhile; on PostgreSQL the next `VACUUM` does.

    Args:
        connection: in a transaction.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        connection.exec_driver_sql("PRAGMA secure_delete=ON").all()
    try:
        yield
    finally:
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete=OFF").all()
