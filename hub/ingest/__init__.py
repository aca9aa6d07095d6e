"""From frames to effects, in one transaction, before anything is acknowledged."""
