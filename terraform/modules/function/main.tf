locals {
  mounts = { for name, id in local.secrets : name => "/secrets/${id}" } # a mount hides its folder, so each has its own

  environment = merge(
    var.function.environment,
    var.environment,
    { POOL = tostring(var.function.pool) },
    { for name, folder in local.mounts : name => "${folder}/value" },
    { for name in var.function.rotates : replace(name, "/_FILE$/", "_SECRET") => "projects/${var.project}/secrets/${var.secrets[name]}" },
    var.function.database_role == null ? {} : {
      POSTGRES_INSTANCE = var.database.instance
      POSTGRES_DATABASE = var.database.name
      POSTGRES_USER     = local.database_user
    },
    var.function.kind == "schedule" ? {
      SCHEDULER_ACCOUNT = one(google_service_account.caller[*].email)
      SCHEDULER_CHECK   = "platform" # Cloud Run lets that account in alone, and takes its token's signature off
    } : {},
  )
  database_user = trimsuffix(var.account.email, ".gserviceaccount.com")
}

resource "google_cloudfunctions2_function" "function" {
  project     = var.project
  location    = var.region
  name        = var.function.deployed_name
  description = var.function.summary

  build_config {
    runtime           = "python${replace(var.python, ".", "")}"
    entry_point       = var.function.name
    service_account   = var.builder
    docker_repository = var.repository

    source {
      storage_source {
        bucket = var.bucket
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = var.account.email
    ingress_settings                 = var.function.kind == "http" ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY"
    available_cpu                    = tostring(var.function.cpu)
    available_memory                 = var.function.memory
    max_instance_request_concurrency = var.function.concurrency
    min_instance_count               = var.function.min_instances
    max_instance_count               = var.function.max_instances
    timeout_seconds                  = var.function.timeout_seconds
    environment_variables            = local.environment
    all_traffic_on_latest_revision   = true
    direct_vpc_egress                = var.function.database_role == null ? null : "VPC_EGRESS_PRIVATE_RANGES_ONLY"

    dynamic "direct_vpc_network_interface" {
      for_each = var.function.database_role == null ? [] : [var.network]

      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
      }
    }

    dynamic "secret_volumes" {
      for_each = local.mounts

      content {
        project_id = var.project
        secret     = local.secrets[secret_volumes.key]
        mount_path = secret_volumes.value

        versions {
          version = "latest"
          path    = "value"
        }
      }
    }
  }

  dynamic "event_trigger" {
    for_each = var.function.kind == "firestore" ? [var.function] : []

    content {
      event_type            = event_trigger.value.event
      trigger_region        = var.firestore_location
      service_account_email = one(google_service_account.caller[*].email)
      retry_policy          = "RETRY_POLICY_RETRY"

      event_filters {
        attribute = "database"
        value     = var.firestore_database
      }

      event_filters {
        attribute = "document"
        operator  = "match-path-pattern"
        value     = event_trigger.value.document
      }
    }
  }

  # A revision whose secrets cannot be read does not start, and a trigger whose account may receive nothing is refused.
  depends_on = [google_secret_manager_secret_iam_member.reads, google_project_iam_member.receives_events]
}
