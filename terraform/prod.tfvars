# What the production environment is. The project, the shape and the domain are scripts/deploy's arguments.
environment        = "prod"
region             = "europe-west1"
firestore_location = "eur3"              # survives the loss of a region; the rest of this deployment stands in one
postgres_tier      = "db-custom-6-32768" # the shape "functions" takes 2,000 connections in a roll-out; "service" does with db-custom-2-7680
backup_days        = 90                  # the buckets are locked: it can be raised, never lowered
read_replicas      = 1
