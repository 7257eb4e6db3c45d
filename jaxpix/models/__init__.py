"""Networks in Flax NNX, torchvision's in structure and numbers, and the windows that changed pixels reach."""
