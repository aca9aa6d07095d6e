"""What tests share: simulators that implement production ports, and the list of programs they need."""
