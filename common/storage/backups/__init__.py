"""Where backups stand and how they are made: in a folder from local databases, or in a bucket from those of the cloud."""
