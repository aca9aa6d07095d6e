"""The card terminal: the citizen card from its bytes to the tap on a bus, and the libraries that read it."""
