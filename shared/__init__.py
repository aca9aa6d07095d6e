"""What every program of Ventanilla stands on: model, protocol, adapters and the runtime at the edge.

Nothing here imports the hub or a device's program. The rooms: `model` (nouns), `protocol` (pure rules of the
wire and of delivery), `adapters` (disk and network), `edge` (the runtime under every Linux device), and
`cli.py`, the command `ventanilla`.
"""
