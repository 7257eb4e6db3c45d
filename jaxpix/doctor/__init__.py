"""What is installed, prepared, trained and attacked here, and whether it is sound."""
