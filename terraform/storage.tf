# Buckets that may be emptied: the functions' sources, and what a build of the image is sent.

resource "google_storage_bucket" "sources" {
  # checkov:skip=CKV_GCP_62: Cloud Audit Logs say who read what; a second bucket of access logs would say it again.
  name                        = "${var.project}-sources"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # all of it can be staged again from the checkout

  versioning {
    enabled = true
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.data.id
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.encrypting]
}

resource "google_storage_bucket" "builds" {
  # checkov:skip=CKV_GCP_62: As the sources'.
  # checkov:skip=CKV_GCP_78: What is sent to a build is of use for that build alone.
  name                        = "${var.project}-builds"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  encryption {
    default_kms_key_name = google_kms_crypto_key.data.id
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 1
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.encrypting]
}
