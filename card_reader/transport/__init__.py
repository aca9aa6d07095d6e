"""How bytes reach a card and come back: one verb, behind which readers, sockets and relays stand."""
