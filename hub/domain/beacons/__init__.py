"""Beacons: where they stand, what the town says there, and what of it phones are given."""
