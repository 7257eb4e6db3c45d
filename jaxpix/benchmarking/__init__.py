"""How fast jaxpix is, beside what one would otherwise run on the same machine."""
