"""What makes a board ready, from the cable: its secret, its keys, its enrolment."""
