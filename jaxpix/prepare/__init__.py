"""From source trees, archives and drawings to prepared data sets."""
