"""A back office that stands for the city's own: another process, another database, another hand on the wire.

It speaks Open311 GeoReport v2 (JSON), settlements and notices, misbehaves on command, and counts what took
effect and how often. It shares no code with the connectors: what one of them spells wrongly, this does not
understand. Tests and the demonstration run it; no city should.
"""
