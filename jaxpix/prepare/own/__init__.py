"""A user's own images: what their folders and tables mean, or why that cannot be told."""
