"""How the schema grows: one file a step, in `versions`, run by `hub.db.migrate`.

Rules:
- A step speaks for itself: it imports nothing of the project, because tables.py goes on changing.
- Tables of the ledger are never altered in batch mode: on SQLite that copies the table and silently drops its
  triggers and checks. What they lack is added beside them.
- After every step the schema is what tables.py and triggers.py make afresh; a test compares the two on both
  databases and tries a forbidden change again.
"""
