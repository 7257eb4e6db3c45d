"""PyTorch modules as victims: exported, translated operator by operator into JAX, or evaluated by torch itself."""
