"""Pages of a listing: in the order of a key that rises, from after the last one that was shown.

A page costs what it shows, however long the listing is, and what is added meanwhile is never shown twice.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import Connection, Select, Table, select


class Listed(Protocol):
    """A frozen dataclass whose fields are columns of a table."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T")
R = TypeVar("R", bound=Listed)

PAGE_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some rows of a listing.

    Attributes:
        items: the rows.
        next: what the next page comes after; None where this one is the last.
    """

    items: list[T]
    next: str | None


def columns_of(kind: type[Listed], table: Table) -> Select[Any]:
    """Select the columns that a row's class names."""
    return select(*(table.c[field.name] for field in fields(kind)))


def read_page(connection: Connection, kind: type[R], query: Select[Any], limit: int) -> Page[R]:
    """Read a page of a listing that is in the order of `id`.

    Args:
        connection: any.
        kind: what a row becomes.
        query: from `columns_of`, narrowed, and after the last one shown.
        limit: how many at most.
    """
    size = min(limit, PAGE_MAX)
    rows = connection.execute(query.limit(size + 1)).mappings().all()
    more = len(rows) > size
    return Page(items=[kind(**row) for row in rows[:size]], next=str(rows[size - 1]["id"]) if more else None)
