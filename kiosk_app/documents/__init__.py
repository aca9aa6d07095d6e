"""What a citizen takes home: the ticket, with its QR code."""
