"""Driver-level statements for what every transaction does, compiled once from the tables.

SQLAlchemy compiles; the driver's own `execute` and `executemany` run. So an insert of a thousand rows, or a
look-up of a thousand keys, costs what the driver costs, and the tables stay the only description of a row.
"""

import json
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Delete,
    Dialect,
    Insert,
    Select,
    Table,
    Text,
    TextClause,
    Update,
    any_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import DBAPICursor

Row = tuple[Any, ...]
"""Values in the order of the table's columns; JSON as text."""


def write_many(connection: Connection, statement: str, rows: list[Row]) -> None:
    """Writes rows with one `executemany` and empties the list; no row, no statement."""
    if rows:
        _execute(connection, statement, rows)
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


def upsert_sql(
    connection: Connection, table: Table, columns: tuple[str, ...] = (), *, keep: tuple[str, ...] = ()
) -> str:
    """The driver's INSERT that, where a row with the same primary key is there, replaces what it holds.

    Args:
        connection: tells the dialect.
        table: the table.
        columns: what a row carries, in this order; all columns where none is named.
        keep: columns that a row that is there keeps as they are.
    """
    return _upsert_sql(connection.dialect.name, table, columns or tuple(table.columns.keys()), keep)


def read_all(
    connection: Connection, statement: Select[*tuple[Any, ...]], parameters: Row = ()
) -> Sequence[Row]:
    """Runs a query that is defined once.

    Args:
        connection: in a transaction.
        statement: without a LIMIT of SQLAlchemy's, which brings a parameter of its own on SQLite.
        parameters: by their place in the query's text.
    """
    found = _execute(connection, _compiled(connection.dialect.name, statement), parameters)
    return typing.cast("Sequence[Row]", found.fetchall())


def compiled(connection: Connection, statement: Insert | Update | Delete | TextClause) -> str:
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


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A query for the rows of which some columns have one of many values; compiled once for each database.

    Attributes:
        query: all but this condition; what it selects is read as the driver gives it.
        columns: one column, or two that go together.
    """

    query: Select[*tuple[Any, ...]]
    columns: Sequence[Column[Any]]

    def rows(self, connection: Connection, values: Sequence[Any]) -> Sequence[Row]:
        """Runs the query.

        Args:
            connection: in a transaction.
            values: of the column; or pairs, where there are two columns.
        """
        if connection.dialect.name == "postgresql":
            given = zip(*values, strict=True) if len(self.columns) > 1 else (values,)
            parameters = tuple(list(each) for each in given)
        else:
            parameters = (json.dumps(values),)
        found = _execute(connection, _lookup_sql(connection.dialect.name, self), parameters)
        return typing.cast("Sequence[Row]", found.fetchall())


def _execute(
    connection: Connection, statement: str, parameters: Row | list[Row]
) -> CursorResult[Any] | DBAPICursor:
    """Runs a statement, once or for each row of a list, in the connection's transaction.

    SQLite answers in this process; SQLAlchemy's execution would cost more than its own: it is asked itself.
    """
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(statement, parameters)
    if not connection.in_transaction():
        connection.begin()
    cursor = connection.connection.cursor()
    run = cursor.executemany if isinstance(parameters, list) else cursor.execute
    run(statement, parameters)
    return cursor


@cache
def _lookup_sql(dialect: str, lookup: Lookup) -> str:
    columns = lookup.columns
    if dialect == "postgresql":
        kinds = (Text if isinstance(column.type, Text) else BigInteger for column in columns)
        arrays = [bindparam(None, type_=ARRAY(kind)) for kind in kinds]
        wanted = select(*(func.unnest(array) for array in arrays))
    else:
        given = func.json_each(bindparam(None, type_=Text)).table_valued("value").c.value
        # a value out of JSON has no affinity: without the cast the index would not be used
        pair = [
            cast(func.json_extract(given, literal_column(f"'$[{place}]'", Text)), column.type)
            for place, column in enumerate(columns)
        ]
        wanted = select(*pair) if len(columns) > 1 else select(given)
    subject = tuple_(*columns) if len(columns) > 1 else columns[0]
    query = lookup.query.where(subject.in_(wanted))
    return str(query.compile(dialect=_positional(dialect)))


@cache
def _upsert_sql(dialect: str, table: Table, columns: tuple[str, ...], keep: tuple[str, ...]) -> str:
    statement = dialect_insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    replaced = {name: statement.excluded[name] for name in columns if name not in {*keys, *keep}}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=replaced)
    return str(statement.compile(dialect=_positional(dialect), column_keys=columns))


@cache
def _compiled(
    dialect: str, statement: Insert | Update | Delete | TextClause | Select[*tuple[Any, ...]]
) -> str:
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
