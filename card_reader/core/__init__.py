"""What a terminal decides, without reader, disk or clock: what a tap costs, and how it stays one tap."""
