"""Cards in readers of PC/SC: pcscd's own library, and one thread that watches a reader and serves its cards.

`winscard` is the only page that knows the library; `reader` is the one to read first.
"""
