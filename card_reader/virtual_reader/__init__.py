"""Readers that are sockets, on a pcscd of one's own: what tests and demonstrations hold virtual cards to."""
