"""What the town's rules are: one folder a noun, no I/O, none imports another."""
