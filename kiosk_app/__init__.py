"""The street kiosk: what a citizen sees, hears and presses."""
