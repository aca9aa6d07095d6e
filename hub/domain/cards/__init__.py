"""The town's cards: which there are, in which state, and what a card's own signature says of a tap."""
