# Where secrets stand. Their values come from scripts/deploy and from the function that rotates keys, never from here:
# what Terraform knows is in its state.

locals {
  secrets = {
    INDEX_KEY_FILE         = "index-key"
    SIGNING_KEYS_FILE      = "signing-keys"
    VERIFICATION_KEYS_FILE = "verification-keys"
    SMTP_URL_FILE          = var.smtp ? "smtp-url" : null
  }
}

resource "google_secret_manager_secret" "this" {
  for_each = { for name, id in local.secrets : name => id if id != null }

  secret_id           = each.value
  version_destroy_ttl = "86400s" # a version that was destroyed can be had back for a day
  deletion_protection = local.production

  replication {
    user_managed {
      replicas {
        location = var.region
        customer_managed_encryption {
          kms_key_name = google_kms_crypto_key.data.id
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [annotations] # rotation notes its turns there
  }

  depends_on = [google_kms_crypto_key_iam_member.encrypting]
}

# What a rotation needs besides reading: to claim its turn, add a version, and destroy those that it replaces.
resource "google_project_iam_custom_role" "rotates" {
  role_id     = "sealpostRotatesSecrets"
  title       = "Rotates a secret"
  description = "Adds versions of a secret and destroys old ones"
  permissions = [
    "secretmanager.secrets.get",
    "secretmanager.secrets.update",
    "secretmanager.versions.add",
    "secretmanager.versions.destroy",
    "secretmanager.versions.list",
  ]

  depends_on = [google_project_service.this]
}

locals {
  rotates = merge([for name, account in local.accounts : {
    for secret in account.rotates : "${name} ${secret}" => { email = account.email, secret = secret }
  }]...)
}

resource "google_secret_manager_secret_iam_member" "rotates" {
  for_each = local.rotates

  secret_id = google_secret_manager_secret.this[each.value.secret].id
  role      = google_project_iam_custom_role.rotates.id
  member    = "serviceAccount:${each.value.email}"
}
