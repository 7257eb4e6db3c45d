"""Every candidate of one pixel: what there is to find, so that a search can be judged and "there is none" be said."""
