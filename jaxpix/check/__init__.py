"""Limits that a classifier's rates must keep: a door for pipelines."""
