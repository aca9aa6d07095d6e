"""The phone that decides for itself: it hears beacons, and nobody learns that it did.

It knows its whole district beforehand, so nothing is asked of anybody because a beacon was heard. Nothing of
the hub is in here, and no library that a phone cannot have.
"""
