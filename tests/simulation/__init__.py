"""A deterministic street: devices, a hostile broker, the hub's ingest on a real SQLite, and a core."""
