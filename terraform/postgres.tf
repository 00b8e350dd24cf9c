# Accounts, devices, sessions, conversations. Reached over its private address alone, by service accounts alone.

locals {
  # A connection takes some 8 MiB, and half of the machine's memory is for what is cached.
  max_connections = floor(tonumber(regex("[0-9]+$", var.postgres_tier)) / 16)

  postgres_flags = {
    "cloudsql.iam_authentication"         = "on"
    "max_connections"                     = tostring(local.max_connections)
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
    "log_statement"                       = "ddl" # definitions, roles and grants
    "log_temp_files"                      = "0"
  }
}

resource "google_sql_database_instance" "main" {
  # checkov:skip=CKV_GCP_79: Version 17 is what the tests run on; a new major one is taken on purpose.
  # checkov:skip=CKV_GCP_51: In postgres_flags, where checkov does not look; tests/postgres.tftest.hcl does.
  # checkov:skip=CKV_GCP_52: As CKV_GCP_51.
  # checkov:skip=CKV_GCP_53: As CKV_GCP_51.
  # checkov:skip=CKV_GCP_54: As CKV_GCP_51.
  # checkov:skip=CKV_GCP_110: The flag log_statement logs definitions, roles and grants; pgaudit would log them once more.
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

locals {
  # The one that is served; the job `restore` makes others.
  postgres_database = var.postgres_database == "sealpost" ? google_sql_database.main.name : var.postgres_database
}

# Who logs in, and what it may do there. The migration job grants it (common/storage/postgres/grants.py).
locals {
  database_roles = merge(
    { for name, function in module.manifest.functions : name => [function.database_role] if function.database_role != null },
    { suite = local.suite.database_roles, restore-check = ["backup"] },
  )
  database_accounts = merge(google_service_account.function, {
    suite         = google_service_account.suite
    restore-check = google_service_account.job["restore-check"]
  })
  database_users = { for name, roles in local.database_roles : name => {
    user  = trimsuffix(local.database_accounts[name].email, ".gserviceaccount.com")
    roles = [for role in roles : "sealpost_${role}"]
  } }

  # What is named no more is revoked when the job next runs without var.former_grants: not before the rest is applied.
  named  = { for user in local.database_users : user.user => user.roles }
  grants = { for user in setunion(keys(local.named), keys(var.former_grants)) : user => sort(setunion(try(local.named[user], []), try(var.former_grants[user], []))) }
}

resource "google_sql_user" "account" {
  for_each = local.database_users

  instance        = google_sql_database_instance.main.name
  name            = each.value.user
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  deletion_policy = "ABANDON" # Cloud SQL deletes nobody who was granted a role; without its service account it cannot log in

  lifecycle {
    precondition {
      condition     = length(each.value.user) <= 63
      error_message = "PostgreSQL cuts names off at 63 letters, and ${each.value.user} has ${length(each.value.user)}: give the function a shorter name, or take a project with a shorter id."
    }
  }
}

# Who was abandoned and comes back is there already, and is taken over.
import {
  for_each = { for name, user in local.database_users : name => user.user if contains(var.postgres_users, user.user) }
  to       = google_sql_user.account[each.key]
  id       = "${var.project}/sealpost/${each.value}"
}

# Who makes schemas and databases.
resource "google_sql_user" "owner" {
  for_each = toset(["migrate", "restore"])

  instance        = google_sql_database_instance.main.name
  name            = trimsuffix(google_service_account.job[each.key].email, ".gserviceaccount.com")
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  database_roles  = ["cloudsqlsuperuser"]
  deletion_policy = "ABANDON" # it leaves with its instance alone
}

moved {
  from = google_sql_user.migrate
  to   = google_sql_user.owner["migrate"]
}
