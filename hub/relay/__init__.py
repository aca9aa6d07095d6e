"""Cards at desks: the durable book of what is done with them, and the relay between reader and keys."""
