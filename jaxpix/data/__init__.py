"""Data sets: what they are, how users hold them, and how they reach training and attack."""
