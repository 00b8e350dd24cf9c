# One key encrypts what is at rest in this project: shut it off and the data are unreadable.

resource "google_kms_key_ring" "main" {
  name     = "sealpost"
  location = var.region

  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key" "data" {
  # checkov:skip=CKV_GCP_82: A key cannot be deleted in Google Cloud, only its versions, 30 days after they are asked for; prod refuses even that.
  name            = "data"
  key_ring        = google_kms_key_ring.main.id
  rotation_period = "7776000s" # 90 days
  deletion_policy = local.production ? "PREVENT" : "DELETE"
}

locals {
  # Google's own agents, which scripts/bootstrap has called into being.
  encrypting = {
    artifactregistry = "service-${local.number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    postgres         = "service-${local.number}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
    secrets          = "service-${local.number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
    storage          = "service-${local.number}@gs-project-accounts.iam.gserviceaccount.com"
  }
}

resource "google_kms_crypto_key_iam_member" "encrypting" {
  for_each = local.encrypting

  crypto_key_id = google_kms_crypto_key.data.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
}
