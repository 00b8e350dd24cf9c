# The suite's image and the functions', and who builds them.

locals {
  image = coalesce(var.image, "unset") # to destroy takes none, and the provider refuses null even then
}

resource "google_artifact_registry_repository" "suite" {
  repository_id = "sealpost"
  location      = var.region
  format        = "DOCKER"
  kms_key_name  = google_kms_crypto_key.data.id

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.encrypting]
}

# Without a repository of ours Cloud Functions would make one, which the builder could be let into only by the project.
resource "google_artifact_registry_repository" "functions" {
  repository_id = "sealpost-functions"
  location      = var.region
  format        = "DOCKER"
  kms_key_name  = google_kms_crypto_key.data.id

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.encrypting]
}

resource "google_service_account" "builder" {
  account_id   = "builder"
  display_name = "Builds the suite's image and the functions"

  depends_on = [google_project_service.this]
}

# What a build of ours does, and no more: Cloud Build's own role could also write to every bucket, Terraform's state and
# the backups among them.
resource "google_project_iam_member" "builder_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.builder.member
}

resource "google_artifact_registry_repository_iam_member" "builder" {
  for_each = { suite = google_artifact_registry_repository.suite.repository_id, functions = google_artifact_registry_repository.functions.repository_id }

  location   = var.region
  repository = each.value
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.builder.member
}

resource "google_storage_bucket_iam_member" "builder" {
  for_each = { builds = google_storage_bucket.builds.name, sources = google_storage_bucket.sources.name }

  bucket = each.value
  role   = "roles/storage.objectViewer"
  member = google_service_account.builder.member
}

# Cloud Functions copies a source into a bucket of its own, which it makes with the first function.
resource "google_project_iam_member" "builder_reads_copies" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.builder.member

  condition {
    title      = "copies-of-sources"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${local.number}-${var.region}\")"
  }
}
