"""Outgoing work: takes what waits in the database to the municipal core, in order, and keeps the outcome.

`loop.py` is the loop of one connector, `worker.py` runs one for each, `breaker.py` decides whether an
endpoint is worth asking. How a core is spoken to is in hub/core; the rows and their SQL are in hub/db.
"""
