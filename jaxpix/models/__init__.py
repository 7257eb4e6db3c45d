"""Models in Flax NNX, torchvision's in structure and numbers, and their published weights."""

from .zoo import MODELS, Architecture, build, check_image_size

__all__ = ["MODELS", "Architecture", "build", "check_image_size"]
