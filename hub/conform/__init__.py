"""The conformance kit: judges a stranger's device against the sentences of docs/PROTOCOL.md, in a minute."""
