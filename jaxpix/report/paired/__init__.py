"""Two runs on the same images, image by image."""
