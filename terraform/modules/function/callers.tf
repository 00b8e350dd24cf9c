# Who may call it: everybody where it has a public route (it asks who calls by itself), else one account of its own.

resource "google_service_account" "caller" {
  count = var.function.kind == "http" ? 0 : 1

  project      = var.project
  account_id   = var.function.caller_account_id
  display_name = "Calls ${var.function.deployed_name}"
}

resource "google_project_iam_member" "receives_events" {
  count = var.function.kind == "firestore" ? 1 : 0

  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.caller[0].member
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  project  = var.project
  location = var.region
  name     = google_cloudfunctions2_function.function.name
  role     = "roles/run.invoker"
  member   = var.function.kind == "http" ? "allUsers" : google_service_account.caller[0].member
}

resource "google_cloud_scheduler_job" "schedule" {
  count = var.function.kind == "schedule" ? 1 : 0

  project          = var.project
  region           = var.region
  name             = var.function.deployed_name
  description      = var.function.summary
  schedule         = var.function.cron
  time_zone        = var.function.time_zone
  attempt_deadline = "${max(15, var.function.timeout_seconds)}s" # Cloud Scheduler's own least

  retry_config {
    retry_count          = 3
    min_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = "${google_cloudfunctions2_function.function.service_config[0].uri}${var.function.route}"

    oidc_token {
      service_account_email = google_service_account.caller[0].email
      audience              = google_cloudfunctions2_function.function.service_config[0].uri
    }
  }
}
