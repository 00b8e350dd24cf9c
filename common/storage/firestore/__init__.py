"""Firestore, the real-time side: ciphertext and who may read it. Written by functions alone, through two gRPC calls."""
