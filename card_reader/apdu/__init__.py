"""Commands and answers of a card: wrapped, chained and judged, without a card and without a reader."""
