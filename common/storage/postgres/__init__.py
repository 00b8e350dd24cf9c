"""PostgreSQL, the truth for relations: one pool of prepared connections, one file for each room's store, the migrations."""
