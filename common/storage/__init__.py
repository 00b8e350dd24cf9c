"""Adapters: the only code that imports google.*, firebase_admin, grpc and pg8000. Each implements a room's Protocol."""
