"""Sprites: the shipped set, and what reads, writes and draws sprites."""
