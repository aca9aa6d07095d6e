"""The town hall's side: takes what the street sends, commits it once, and hands it to the municipal core.

`hub/main.py` puts the process together; docs/ARCHITECTURE.md says which room holds what.
"""
