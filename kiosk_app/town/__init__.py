"""The town on the machine itself: streets, landmarks and the map, without a network."""
