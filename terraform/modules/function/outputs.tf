output "service" {
  description = "The name of the Cloud Run service that the function is."
  value       = google_cloudfunctions2_function.function.name
}

output "uri" {
  description = "The function's own address. Its ingress lets nobody on the internet call it there."
  value       = google_cloudfunctions2_function.function.service_config[0].uri
}

output "email" {
  description = "The service account that the function runs as."
  value       = google_service_account.function.email
}

output "database_user" {
  description = "The IAM user that the function is in PostgreSQL."
  value       = local.database_user
}

output "source" {
  description = "The name of the uploaded source, which has the content's hash in it."
  value       = google_storage_bucket_object.source.name
}
