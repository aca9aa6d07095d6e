"""The long proofs: `make proof`. Each part counts what it tried and stops at the first broken promise."""
