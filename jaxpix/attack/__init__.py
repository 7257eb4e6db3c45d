"""An attack on a data set."""
