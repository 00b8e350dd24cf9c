"""All functions in one process: what runs on a laptop and in the container."""
