"""The operator's commands about what the hub wants of its devices."""
