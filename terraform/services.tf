# The APIs that the rest of this folder calls. They stay on when it is destroyed: others may need them.

locals {
  apis = [
    "apikeys", "artifactregistry", "cloudbuild", "cloudfunctions", "cloudkms", "cloudscheduler", "compute", "eventarc",
    "firebaserules", "firestore", "iam", "iamcredentials", "identitytoolkit", "logging", "pubsub", "run", "secretmanager",
    "securetoken", "servicenetworking", "sqladmin", "storage",
  ]
}

resource "google_project_service" "this" {
  for_each = toset(local.apis)

  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}
