"""Stands for a function."""
