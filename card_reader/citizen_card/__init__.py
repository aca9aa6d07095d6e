"""The town's application on a card: its files, keys and rights, byte by byte as docs/CARD.md has them."""
