"""The way to the municipal core: a port, and one connector for each kind of thing that the core takes.

`port.py` says what a connector promises; `open311.py`, `settlements.py` and `notices.py` keep it over HTTP.
`reference/` is another process: a back office that stands for the city's own in tests and demonstrations.
"""
