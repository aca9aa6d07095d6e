"""The process of a card terminal: an enrolled device whose face is a reader of cards."""
