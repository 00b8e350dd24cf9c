# Accounts, devices, sessions, conversations. Reached over its private address alone, by service accounts alone.

locals {
  postgres_flags = {
    "cloudsql.iam_authentication"         = "on"
    "cloudsql.enable_pgaudit"             = "on"
    "pgaudit.log"                         = "ddl,role"
    "max_connections"                     = tostring(var.postgres_max_connections)
    "idle_in_transaction_session_timeout" = "60000"
    "log_checkpoints"                     = "on"
    "log_connections"                     = "on"
    "log_disconnections"                  = "on"
    "log_duration"                        = "off"
    "log_hostname"                        = "off"
    "log_lock_waits"                      = "on"
    "log_min_duration_statement"          = "-1" # a statement carries what people look up
    "log_min_error_statement"             = "panic"
    "log_min_messages"                    = "error"
    "log_statement"                       = "ddl"
    "log_temp_files"                      = "0"
  }
}

resource "google_sql_database_instance" "main" {
  # checkov:skip=CKV_GCP_79: Version 17 is what the tests run on; a new major one is taken on purpose.
  # checkov:skip=CKV_GCP_51: In postgres_flags, where checkov does not look; tests/postgres.tftest.hcl does.
  # checkov:skip=CKV_GCP_52: As CKV_GCP_51.
  # checkov:skip=CKV_GCP_53: As CKV_GCP_51.
  # checkov:skip=CKV_GCP_54: As CKV_GCP_51.
  # checkov:skip=CKV_GCP_110: As CKV_GCP_51.
  # checkov:skip=CKV_GCP_111: As CKV_GCP_51; definitions alone, since other statements hold what people look up.
  # checkov:skip=CKV_GCP_109: At the level error a failed statement is logged whole, with what people look up in it.
  # checkov:skip=CKV_GCP_108: Nobody but the connector connects, from addresses that have no names.
  # checkov:skip=CKV2_GCP_13: A log line a statement, thousands a second, which query statistics tell better.
  name                = "sealpost"
  database_version    = "POSTGRES_17"
  region              = var.region
  encryption_key_name = google_kms_crypto_key.data.id
  deletion_protection = local.production

  settings {
    tier                        = var.postgres_tier
    edition                     = "ENTERPRISE"
    availability_type           = local.production ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_autoresize             = true
    connector_enforcement       = "REQUIRED"
    deletion_protection_enabled = local.production
    retain_backups_on_delete    = local.production

    ip_configuration {
      ipv4_enabled       = false
      private_network    = google_compute_network.main.id
      allocated_ip_range = google_compute_global_address.services.name
      ssl_mode           = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED" # which the connector makes by itself
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "01:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = local.production ? 30 : 7
      }
    }

    maintenance_window {
      day          = 7
      hour         = 4
      update_track = local.production ? "stable" : "canary"
    }

    dynamic "database_flags" {
      for_each = local.postgres_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.encrypting, google_service_networking_connection.services]
}

resource "google_sql_database_instance" "replica" {
  # checkov:skip=CKV_GCP_79: As its primary.
  # checkov:skip=CKV2_GCP_13: As its primary.
  count = var.read_replicas

  name                 = "sealpost-replica-${count.index + 1}"
  master_instance_name = google_sql_database_instance.main.name
  database_version     = google_sql_database_instance.main.database_version
  region               = var.region
  encryption_key_name  = google_kms_crypto_key.data.id
  deletion_protection  = local.production

  settings {
    tier                        = var.postgres_tier
    edition                     = "ENTERPRISE"
    availability_type           = "ZONAL"
    disk_type                   = "PD_SSD"
    disk_autoresize             = true
    connector_enforcement       = "REQUIRED"
    deletion_protection_enabled = local.production

    ip_configuration {
      ipv4_enabled       = false
      private_network    = google_compute_network.main.id
      allocated_ip_range = google_compute_global_address.services.name
      ssl_mode           = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED" # which the connector makes by itself
    }

    dynamic "database_flags" {
      for_each = local.postgres_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }
}

resource "google_sql_database" "main" {
  name            = "sealpost"
  instance        = google_sql_database_instance.main.name
  deletion_policy = "ABANDON" # it goes with its instance, not before: its tables belong to a role of the server
}

# Who logs in, and what it may do there. The migration job grants it (common/storage/postgres/grants.py).
locals {
  database_users = merge(
    { for name, account in local.accounts : name => {
      user  = trimsuffix(account.email, ".gserviceaccount.com")
      roles = [for role in account.database_roles : "sealpost_${role}"]
    } if length(account.database_roles) > 0 },
    { restore-check = {
      user  = trimsuffix(google_service_account.job["restore-check"].email, ".gserviceaccount.com")
      roles = ["sealpost_backup"]
    } },
  )
}

resource "google_sql_user" "account" {
  for_each = local.database_users

  instance        = google_sql_database_instance.main.name
  name            = each.value.user
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  deletion_policy = "ABANDON" # a role that was granted something cannot be dropped; without its service account it cannot log in

  lifecycle {
    precondition {
      condition     = length(each.value.user) <= 63
      error_message = "PostgreSQL cuts names off at 63 letters, and ${each.value.user} has ${length(each.value.user)}: give the function a shorter name, or take a project with a shorter id."
    }
  }
}

resource "google_sql_user" "migrate" {
  instance        = google_sql_database_instance.main.name
  name            = trimsuffix(google_service_account.job["migrate"].email, ".gserviceaccount.com")
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  database_roles  = ["cloudsqlsuperuser"]
  deletion_policy = "ABANDON"
}
