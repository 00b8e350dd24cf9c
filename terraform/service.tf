# The shape "service": all functions in one Cloud Run service, from the suite's image, with the same routes, triggers
# and schedules.

locals {
  suite = module.manifest.suite
  one   = var.shape == "service" ? toset(["suite"]) : toset([])

  called_by = var.shape == "service" ? {
    for kind in ["firestore", "schedule"] : kind => { for name, function in module.manifest.functions : name => function if function.kind == kind }
  } : { firestore = {}, schedule = {} }
}

# There in both shapes, as the functions' are.
resource "google_service_account" "suite" {
  account_id   = local.suite.service_account_id
  display_name = "Runs the suite"

  depends_on = [google_project_service.this]
}

resource "google_service_account" "suite_caller" {
  for_each = local.one

  account_id   = local.suite.caller_account_id
  display_name = "Calls the suite for Firestore and Cloud Scheduler"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "suite" {
  for_each = var.shape == "service" ? setsubtract(
    setunion(local.suite.roles, ["roles/cloudsql.client", "roles/cloudsql.instanceUser"]),
    ["roles/iam.serviceAccountTokenCreator"],
  ) : toset([])

  project = var.project
  role    = each.key
  member  = google_service_account.suite.member
}

# Signs Firebase's custom tokens as itself, which no key file is needed for.
resource "google_service_account_iam_member" "suite_signs" {
  for_each = contains(local.suite.roles, "roles/iam.serviceAccountTokenCreator") ? local.one : toset([])

  service_account_id = google_service_account.suite.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.suite.member
}

resource "google_secret_manager_secret_iam_member" "suite_reads" {
  for_each = var.shape == "service" ? toset([for name in local.suite.secrets : name if local.secrets[name] != null]) : toset([])

  secret_id = google_secret_manager_secret.this[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.suite.member
}

resource "google_cloud_run_v2_service" "suite" {
  for_each = local.one

  name                = local.suite.deployed_name
  location            = var.region
  ingress             = var.domain == null ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  deletion_protection = false # it holds nothing

  template {
    service_account                  = google_service_account.suite.email
    timeout                          = "${local.suite.timeout_seconds}s"
    max_instance_request_concurrency = local.suite.concurrency

    scaling {
      min_instance_count = local.suite.min_instances
      max_instance_count = local.suite.max_instances
    }

    containers {
      image = local.image

      resources {
        limits            = { cpu = tostring(local.suite.cpu), memory = local.suite.memory }
        cpu_idle          = true # else an instance costs as long as it lives, not as long as it answers
        startup_cpu_boost = true
      }

      startup_probe {
        failure_threshold = 30
        period_seconds    = 2
        http_get {
          path = "/health"
        }
      }

      dynamic "env" {
        for_each = merge(
          local.environment,
          {
            POSTGRES_INSTANCE = google_sql_database_instance.main.connection_name
            POSTGRES_DATABASE = local.postgres_database
            POSTGRES_USER     = trimsuffix(google_service_account.suite.email, ".gserviceaccount.com")
            POOL              = tostring(max(1, floor(local.suite.pool / 2))) # of each driver: all functions are in one process
            SCHEDULER_ACCOUNT = google_service_account.suite_caller[each.key].email
            EVENTS_ACCOUNT    = google_service_account.suite_caller[each.key].email
          },
          { for name, binding in google_secret_manager_secret_iam_member.suite_reads : name => "/secrets/${local.secrets[name]}/value" },
          { for name in local.suite.rotates : replace(name, "/_FILE$/", "_SECRET") => google_secret_manager_secret.this[name].id },
        )
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "volume_mounts" {
        for_each = google_secret_manager_secret_iam_member.suite_reads
        content {
          name       = local.secrets[volume_mounts.key]
          mount_path = "/secrets/${local.secrets[volume_mounts.key]}"
        }
      }
    }

    dynamic "volumes" {
      for_each = google_secret_manager_secret_iam_member.suite_reads
      content {
        name = local.secrets[volumes.key]
        secret {
          secret       = volumes.value.secret_id
          default_mode = 292 # 0444: the container's user is not root
          items {
            path    = "value"
            version = "latest"
          }
        }
      }
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.main.id
        subnetwork = google_compute_subnetwork.run.id
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.image != null
      error_message = "Name the suite's image (-var image=...@sha256:...). scripts/deploy builds it and does so."
    }
  }

  depends_on = [google_project_iam_member.suite, google_sql_user.account, google_storage_bucket_iam_member.archive]
}

# Its routes are public. Who calls is asked by the functions themselves, by access token or, of Firestore's and the
# scheduler's calls, by the identity token of their account.
resource "google_cloud_run_v2_service_iam_member" "suite_public" {
  for_each = local.one

  location = google_cloud_run_v2_service.suite[each.key].location
  name     = google_cloud_run_v2_service.suite[each.key].name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_project_iam_member" "suite_caller" {
  for_each = local.one

  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.suite_caller[each.key].member
}

resource "google_eventarc_trigger" "suite" {
  for_each = local.called_by["firestore"]

  name                    = each.value.deployed_name
  location                = var.firestore_location
  service_account         = google_service_account.suite_caller["suite"].email
  event_data_content_type = "application/protobuf"

  matching_criteria {
    attribute = "type"
    value     = each.value.event
  }
  matching_criteria {
    attribute = "database"
    value     = local.firestore_database
  }
  matching_criteria {
    attribute = "document"
    operator  = "match-path-pattern"
    value     = each.value.document
  }

  destination {
    cloud_run_service {
      service = google_cloud_run_v2_service.suite["suite"].name
      region  = var.region
      path    = "/events/${each.key}"
    }
  }

  depends_on = [google_project_iam_member.suite_caller]
}

resource "google_cloud_scheduler_job" "suite" {
  for_each = local.called_by["schedule"]

  name             = each.value.deployed_name
  region           = var.region
  schedule         = each.value.cron
  time_zone        = each.value.time_zone
  attempt_deadline = "${max(15, each.value.timeout_seconds)}s" # Cloud Scheduler's own least

  retry_config {
    retry_count          = 3
    min_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.suite["suite"].uri}${each.value.route}"

    oidc_token {
      service_account_email = google_service_account.suite_caller["suite"].email
      audience              = local.service_url
    }
  }
}
