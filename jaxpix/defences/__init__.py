"""Defences: a victim becomes another victim, so that every attack goes through what stands before it."""
