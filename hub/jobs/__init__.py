"""Timed work: which life of the hub this is, signatures before settlement, the day's audit."""
