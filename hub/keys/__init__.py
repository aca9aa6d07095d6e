"""The hub's keys, all outside the database: certificate authority, key registry, sealing and signing keys.

A restore of the database never rolls any of this back. Everything here is written to a second directory, on
another disk or machine, before it is used.
"""
