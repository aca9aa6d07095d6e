"""What takes several nouns in one transaction."""
