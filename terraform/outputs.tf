output "service_url" {
  description = "What clients are told: the issuer of tokens, and the address of all routes."
  value       = local.service_url
}

output "repository" {
  description = "Where scripts/deploy puts the suite's image."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.suite.repository_id}/suite"
}

output "builder" {
  description = "Who builds it."
  value       = google_service_account.builder.name
}

output "builds" {
  description = "Where a build's sources are sent."
  value       = google_storage_bucket.builds.url
}

output "grants" {
  description = "The database roles of each user, as the migration job grants them."
  value       = local.grants
}

output "secrets" {
  description = "The secrets that must have a first version, by the setting that they are for."
  value       = { for name, secret in google_secret_manager_secret.this : name => secret.secret_id }
}

output "postgres_instance" {
  description = "Cloud SQL's name for the instance, project:region:name."
  value       = google_sql_database_instance.main.connection_name
}

output "functions" {
  description = "Each function of the shape \"functions\": its service, its own address, its source, and who and what it reaches."
  value = { for name, function in module.function : name => merge(
    function.access,
    { service = function.service, uri = function.uri, source = function.source },
  ) }
}
