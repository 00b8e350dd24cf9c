"""The library that every function shares: one package a domain, `http` and `events` at the edge, `storage` behind ports."""
