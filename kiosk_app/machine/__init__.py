"""Carries out the effects of the flow in the screen's process: sealing, photographs, paper, questions."""
