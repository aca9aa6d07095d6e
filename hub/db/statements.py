"""Driver-level statements for the hot inserts, compiled once from the tables, and look-ups of many keys.

SQLAlchemy compiles; the driver's own `executemany` writes. So an insert of a thousand rows costs what the
driver costs, and the tables stay the only description of a row.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Table,
    Text,
    TextClause,
    Update,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

Row = tuple[Any, ...]
"""Values in the order of the table's columns; JSON as text."""


def write_many(connection: Connection, statement: str, rows: list[Row]) -> None:
    """Writes rows with one `executemany` and empties the list; no row, no statement."""
    if rows:
        connection.exec_driver_sql(statement, rows)
        rows.clear()


def insert_sql(connection: Connection, table: Table, *, leave_out: str = "", ignore: bool = False) -> str:
    """The driver's INSERT for all columns of a table, in their order.

    Args:
        connection: tells the dialect.
        table: the table.
        leave_out: a column that the database fills in.
        ignore: whether a row that is there already is left as it is.
    """
    return _insert_sql(connection.dialect.name, table, leave_out, ignore)


def dialect_insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT with the database's own ON CONFLICT; it returns no row."""
    return (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table).inline()


def upsert(connection: Connection, table: Table, replaced: Sequence[str]) -> Insert:
    """An INSERT that, where a row with the same primary key is there, replaces these columns of it."""
    statement = dialect_insert(connection.dialect.name, table)
    keys = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in replaced}
    )


def upsert_sql(connection: Connection, table: Table) -> str:
    """The driver's INSERT for all columns of a table that replaces a row with the same primary key."""
    columns = [column.name for column in table.columns]
    replaced = [column.name for column in table.columns if not column.primary_key]
    dialect = _positional(connection.dialect.name)
    return str(upsert(connection, table, replaced).compile(dialect=dialect, column_keys=columns))


def compiled(connection: Connection, statement: Insert | Update | TextClause) -> str:
    """The driver's text of a statement that is defined once; its parameters go by their place in the text."""
    return _compiled(connection.dialect.name, statement)


def among(connection: Connection, column: Column[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """That a text column has one of these values; one parameter, however many they are."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(values), type_=ARRAY(Text)))
    return column.in_(select(func.json_each(json.dumps(values)).table_valued("value").c.value))


def among_pairs(
    connection: Connection, columns: tuple[Column[Any], Column[Any]], pairs: Sequence[tuple[str, str | int]]
) -> ColumnElement[bool]:
    """That two columns together have one of these pairs of values."""
    if connection.dialect.name == "postgresql":
        arrays = (
            bindparam(
                None,
                [pair[place] for pair in pairs],
                type_=ARRAY(Text if isinstance(column.type, Text) else BigInteger),
            )
            for place, column in enumerate(columns)
        )
        return tuple_(*columns).in_(select(*(func.unnest(array) for array in arrays)))
    given = func.json_each(json.dumps(pairs)).table_valued("value").c.value
    values = (
        cast(
            func.json_extract(given, literal(f"$[{place}]")), column.type
        )  # the index is used for its own type
        for place, column in enumerate(columns)
    )
    return tuple_(*columns).in_(select(*values))


@cache
def _compiled(dialect: str, statement: Insert | Update | TextClause) -> str:
    return str(statement.compile(dialect=_positional(dialect)))


@cache
def _insert_sql(dialect: str, table: Table, leave_out: str, ignore: bool) -> str:  # noqa: FBT001  a cache's key
    statement = dialect_insert(dialect, table)
    if ignore:
        statement = statement.on_conflict_do_nothing()
    columns = [column.name for column in table.columns if column.name != leave_out]
    return str(statement.compile(dialect=_positional(dialect), column_keys=columns))


def _positional(dialect: str) -> Dialect:
    if dialect == "postgresql":
        return PGDialect_psycopg(paramstyle="format")
    return sqlite.dialect(paramstyle="qmark")
