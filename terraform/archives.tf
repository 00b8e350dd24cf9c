# What must outlive a mistake: the backups, and the list of what was ended for good, which a restore reads after them.
# Objects are created there, never overwritten or deleted by anybody of ours; time alone takes them away.

locals {
  archives = {
    backups     = { days = var.backup_days }
    revocations = { days = var.backup_days + 30 } # a backup needs what was ended after it, and may be undeleted for a week
  }
}

resource "google_storage_bucket" "archive" {
  # checkov:skip=CKV_GCP_62: Cloud Audit Logs say who read what; a second bucket of access logs would say it again.
  # checkov:skip=CKV_GCP_78: Nothing is ever overwritten, so that there are no older versions to keep.
  for_each = local.archives

  name                        = "${var.project}-${each.key}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !local.production

  encryption {
    default_kms_key_name = google_kms_crypto_key.data.id
  }

  # A lock is for ever: no owner and no Google can shorten the time or take it off; it may be made longer. The bucket
  # goes when its last object has grown old. In dev it would keep the environment from being destroyed.
  dynamic "retention_policy" {
    for_each = local.production ? [each.value.days] : []
    content {
      retention_period = retention_policy.value * 86400
      is_locked        = true
    }
  }

  soft_delete_policy {
    retention_duration_seconds = 604800 # a week
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = each.value.days
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.encrypting]
}

moved {
  from = google_storage_bucket.backups
  to   = google_storage_bucket.archive["backups"]
}

# Who adds and who reads: functions by their entries, and the databases' own accounts, which write the exports.
locals {
  documents_agent = "serviceAccount:service-${local.number}@gcp-sa-firestore.iam.gserviceaccount.com"
  relations_agent = "serviceAccount:${google_sql_database_instance.main.service_account_email_address}"

  archivists = { for archive in keys(local.archives) : archive => {
    for name, account in local.accounts : name => "serviceAccount:${account.email}" if contains(account.archives, archive)
  } }

  adds = {
    backups     = merge(local.archivists.backups, { documents = local.documents_agent, relations = local.relations_agent })
    revocations = local.archivists.revocations
  }
  reads = {
    backups     = merge(local.adds.backups, { restore = google_service_account.job["restore"].member })
    revocations = { restore = google_service_account.job["restore"].member }
  }

  archive_grants = merge(flatten([for archive in keys(local.archives) : [
    { for name, member in local.adds[archive] : "${name} adds to ${archive}" => { archive = archive, role = "roles/storage.objectCreator", member = member } },
    { for name, member in local.reads[archive] : "${name} reads ${archive}" => { archive = archive, role = "roles/storage.objectViewer", member = member } },
  ]])...)
}

resource "google_storage_bucket_iam_member" "archive" {
  for_each = local.archive_grants

  bucket = google_storage_bucket.archive[each.value.archive].name
  role   = each.value.role
  member = each.value.member
}

# Starting exports and following them. Of the roles that are ready-made, Firestore's would import as well, and Cloud
# SQL's for readers exports no more since August 2026.
resource "google_project_iam_custom_role" "exports" {
  role_id     = "sealpostExportsDatabases"
  title       = "Exports databases"
  description = "Starts exports of Firestore and Cloud SQL, and follows them"
  permissions = [
    "cloudsql.instances.export",
    "cloudsql.instances.get",
    "datastore.databases.export",
    "datastore.databases.getMetadata",
    "datastore.operations.get",
  ]

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "exports" {
  for_each = local.archivists.backups

  project = var.project
  role    = google_project_iam_custom_role.exports.id
  member  = each.value
}
