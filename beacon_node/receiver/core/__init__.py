"""What a phone decides, and from what: pure, the same in every app that is written for a town."""
