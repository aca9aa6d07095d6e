"""Other products and libraries beside ours: what each keeps, and at which pace. `make bench PEERS=1`."""
