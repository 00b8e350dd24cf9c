"""Stands for what functions share."""
