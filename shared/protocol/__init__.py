"""The delivery protocol: what street devices and the hub say to one another, and the pure rules behind it."""
