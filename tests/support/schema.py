"""A database's schema as the database itself describes it, to compare two."""

import re

from sqlalchemy import Connection

_POSTGRESQL = """
SELECT 'column', table_name || '.' || column_name,
       concat_ws(' ', data_type, is_nullable, regexp_replace(column_default, '::text', ''))
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'sequence', sequencename, concat_ws(' ', data_type, start_value, increment_by)
FROM pg_sequences WHERE schemaname = 'public'
"""


def described(connection: Connection) -> dict[tuple[str, str], str]:
    """Every column, constraint, index, view and trigger by kind and name, but for Alembic's own table."""
    if connection.dialect.name == "postgresql":
        found = {(kind, name): text for kind, name, text in connection.exec_driver_sql(_POSTGRESQL)}
    else:
        rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        found = {(kind, name): _in_order(sql) for kind, name, sql in rows}
    return {key: text for key, text in found.items() if "alembic_version" not in key[1]}


def _in_order(sql: str) -> str:
    """The statement with a table's parts in one order: which constraint is named first means nothing.

    SQLite puts the name of a table that was once renamed into quotes.
    """
    plain = re.sub(r"\s+", " ", sql).strip()
    if not plain.startswith("CREATE TABLE"):
        return plain
    head, _, parts = plain.partition("(")
    head = head.replace('"', "")
    columns, *constraints = re.split(r", (?=CONSTRAINT)", parts.rpartition(")")[0].strip())
    return f"{head}({columns}, {', '.join(sorted(constraints))}){parts.rpartition(')')[2]}"
