"""Stands for a file that is there no more."""
