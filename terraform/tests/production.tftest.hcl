# What prod.tfvars must come to: it fails over, and nobody deletes it by accident.

variables {
  project = "sealpost-test"
  shape   = "service"
  image   = "europe-west1-docker.pkg.dev/sealpost-test/sealpost/suite@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "production" {
  command = plan

  assert {
    condition     = google_sql_database_instance.main.settings[0].availability_type == "REGIONAL"
    error_message = "PostgreSQL fails over to another zone."
  }

  assert {
    condition = alltrue([for instance in concat([google_sql_database_instance.main], google_sql_database_instance.replica) :
      instance.deletion_protection && instance.settings[0].deletion_protection_enabled
    ])
    error_message = "PostgreSQL refuses to be deleted, by Terraform and by others."
  }

  assert {
    condition     = google_firestore_database.main.delete_protection_state == "DELETE_PROTECTION_ENABLED"
    error_message = "Firestore refuses to be deleted."
  }

  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.this : secret.deletion_protection])
    error_message = "Secrets refuse to be deleted."
  }

  assert {
    condition     = alltrue([for bucket in google_storage_bucket.archive : !bucket.force_destroy])
    error_message = "Backups refuse to be deleted with their bucket."
  }

  assert {
    condition = alltrue([for name, bucket in google_storage_bucket.archive :
      jsonencode([for policy in bucket.retention_policy : [policy.is_locked, tonumber(policy.retention_period)]]) == jsonencode([[true, tolist(tolist(bucket.lifecycle_rule)[0].condition)[0].age * 86400]])
    ])
    error_message = "Nobody can delete a backup, or what was ended, before its time."
  }

  assert {
    condition     = length(google_sql_database_instance.replica) > 0
    error_message = "PostgreSQL has a read replica."
  }
}
