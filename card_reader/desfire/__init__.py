"""MIFARE DESFire EV2: one session with a card, the commands that the town uses, and what they are made of."""
