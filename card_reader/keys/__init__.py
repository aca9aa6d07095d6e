"""The town's card keys on a terminal: what one may do with them, and how they lie on a disk."""
