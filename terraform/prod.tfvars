# What the production environment is. The project, the shape and the domain are scripts/deploy's arguments.
environment              = "prod"
region                   = "europe-west1"
firestore_location       = "eur3" # survives the loss of a region; the rest of this deployment stands in one
postgres_tier            = "db-custom-4-15360"
postgres_max_connections = 1200
read_replicas            = 1
