"""The embedded broker: a NATS server as a supervised child process, and who may say what on it.

It is a wire, never a store: what it forgets costs time, not data.
"""
