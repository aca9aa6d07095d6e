"""The runtime under every Linux device: one process owns the outbox, one thread drives it and the link.

    face -> Teller (validates, seals) -> | seam | -> EdgeRuntime (numbers, signs, stores, sends) -> hub

`teller` belongs to whoever faces the citizen, `runtime` to the owner; `seam` is all that passes between them:
lines that are sealed already. `life` is what the owner's thread does, `main` puts a device together, `cli` is
`ventanilla device`, and `faceless` its reading of events as JSON lines.

Not here: the state machine of a session (`shared.protocol.session`), storage and sockets (`shared.adapters`).
"""
