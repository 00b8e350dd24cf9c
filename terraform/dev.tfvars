# What a development environment is. The project, the shape and the domain are scripts/deploy's arguments.
environment        = "dev"
region             = "europe-west1"
firestore_location = "europe-west1"
postgres_tier      = "db-custom-1-3840"
backup_days        = 14
most_instances     = 1 # enough to try everything, and all that so small a machine has connections for
