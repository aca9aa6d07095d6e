"""How the hub's parts are made from its settings; the order in which they start and stop is in `hub.main`."""
