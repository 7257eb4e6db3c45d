"""Defences, measured by attacks that go through them."""
