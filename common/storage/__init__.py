"""Adapters: the only code that imports google.*, firebase_admin, grpc, asyncpg and pg8000. Each implements a room's Protocol."""
