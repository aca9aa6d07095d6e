"""The hub's database: tables, the one writer, the unit of work, the repositories; all SQL is here."""
