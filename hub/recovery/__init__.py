"""Copies of the hub's data: made while it runs, proven, and put back while it is stopped.

The keys are not here: they have a second copy of their own (`hub.keys.files`) and are never rolled back.
"""
