"""The nouns of the town: money, identifiers, instants, events. Standard library only, no I/O, no clock.

One noun a file. Every class here is frozen; what comes from outside enters through its `from_data`, which
checks types and lengths and raises `InputError`; what is inside may be trusted.
"""
