"""What a citizen can do at a kiosk, a file each."""
