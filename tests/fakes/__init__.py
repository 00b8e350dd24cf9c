"""In-memory implementations of the rooms' ports. tests/contract holds each against the same suite as its real adapter."""
