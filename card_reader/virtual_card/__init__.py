"""A card that is a program: a DESFire EV2 subset for tests and the demonstration, in a process of its own.

It is written from the documents a second time and imports nothing of the session that talks to it: that the
two agree says something. What both take from no published vector is listed in docs/CARD.md.
"""
