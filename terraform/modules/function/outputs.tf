output "service" {
  description = "The name of the Cloud Run service that the function is."
  value       = google_cloudfunctions2_function.function.name
}

output "uri" {
  description = "The function's own address. Its ingress lets nobody on the internet call it there."
  value       = google_cloudfunctions2_function.function.service_config[0].uri
}

output "source" {
  description = "The name of the uploaded source, which has the content's hash in it."
  value       = google_storage_bucket_object.source.name
}

output "access" {
  description = "Who reaches the function, and what it reaches: the whole of it in one place, for tests and for people."
  value = {
    invoker = google_cloud_run_v2_service_iam_member.invoker.member
    ingress = google_cloudfunctions2_function.function.service_config[0].ingress_settings
    route   = var.function.route
    document = one(flatten([for trigger in google_cloudfunctions2_function.function.event_trigger : [
      for filter in trigger.event_filters : filter.value if filter.attribute == "document"
    ]]))
    cron    = one(google_cloud_scheduler_job.schedule[*].schedule)
    secrets = sort(values(google_secret_manager_secret_iam_member.reads)[*].secret_id)
    roles   = sort(values(google_project_iam_member.function)[*].role)
  }
}
