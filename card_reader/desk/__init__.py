"""A desk with a card reader: what a clerk does with a card through the hub, which has the keys."""
