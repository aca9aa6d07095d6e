"""What is on the air here: for the technician who installs beacons, and looks after them."""
