"""Bodies that devices send apart from their events: where they lie, how they come and who may fetch them."""
