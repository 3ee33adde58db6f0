"""What all peers that make steps have in common."""

# How far a step goes, as in src/steps.rs.
RATE = 1 / 1048576
