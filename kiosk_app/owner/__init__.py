"""The process that owns the outbox: keeps what the screen sealed, and replaces the screen's process."""
