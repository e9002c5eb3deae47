"""What no keyword says: a small model over the shared sentence vector, beside the rules."""
