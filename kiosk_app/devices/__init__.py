"""Camera, printers, voice and keypad as ports, each with a real and a test adapter, and their health."""
