"""`windows(fn)`: any JAX function of images, evaluated only where a few pixels changed."""
