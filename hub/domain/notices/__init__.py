"""What citizens did with the town's notices."""
