"""Stands for a function as it was."""
