"""What devices say of themselves."""
