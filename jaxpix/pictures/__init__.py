"""Pictures of successes, and plots."""
