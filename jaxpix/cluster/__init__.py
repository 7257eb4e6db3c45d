"""Many workers, on this machine or on others, by Ray."""
