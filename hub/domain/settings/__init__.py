"""Settings of devices: which value is in force, and where it comes from."""
