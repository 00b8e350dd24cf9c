# What is run by hand or by scripts/deploy, inside the network: jobs on the suite's image.

locals {
  jobs = {
    migrate = {
      summary = "Brings the schema up to date and grants the database's roles"
      module  = "common.storage.postgres.migrate"
      timeout = "900s" # above the command's own patience
      environment = {
        POSTGRES_OWNER  = "cloudsqlsuperuser"
        POSTGRES_GRANTS = jsonencode(local.grants)
      }
    }
    restore = {
      summary = "Fills a new database with the relations of a backup, beside its documents: scripts/restore runs it"
      module  = "common.storage.restore"
      timeout = "25200s" # above the command's own patience
      environment = {
        GOOGLE_CLOUD_PROJECT = var.project
        BACKUP_BUCKET        = google_storage_bucket.archive["backups"].name
        REVOCATIONS_BUCKET   = google_storage_bucket.archive["revocations"].name
        POSTGRES_OWNER       = "cloudsqlsuperuser"
      }
    }
    restore-check = {
      summary     = "Says whether a database is whole: POSTGRES_INSTANCE names the one that was restored"
      module      = "common.storage.postgres.inspect"
      timeout     = "900s"
      environment = {}
    }
  }
}

resource "google_service_account" "job" {
  for_each = toset(["migrate", "restore", "restore-check"])

  account_id   = "job-${each.key}"
  display_name = "Runs the job ${each.key}"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "job" {
  for_each = { for pair in setproduct(["migrate", "restore", "restore-check"], ["roles/cloudsql.client", "roles/cloudsql.instanceUser"]) : join(" ", pair) => pair }

  project = var.project
  role    = each.value[1]
  member  = google_service_account.job[each.value[0]].member
}

# It completes and removes documents beside restored relations, in databases that were made for a restore and in no other.
resource "google_project_iam_member" "restore" {
  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.job["restore"].member

  condition {
    title      = "Restored databases"
    expression = "resource.name.startsWith(\"projects/${var.project}/databases/restored-\")"
  }
}

resource "google_cloud_run_v2_job" "this" {
  for_each = local.jobs

  name                = each.key
  location            = var.region
  deletion_protection = false # it holds nothing

  template {
    template {
      service_account = google_service_account.job[each.key].email
      timeout         = each.value.timeout
      max_retries     = 0 # what failed says why; trying again is for people

      containers {
        image   = local.image
        command = ["python"]
        args    = ["-m", each.value.module]

        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }

        dynamic "env" {
          for_each = merge(each.value.environment, {
            POSTGRES_INSTANCE = google_sql_database_instance.main.connection_name
            POSTGRES_DATABASE = local.postgres_database
            POSTGRES_USER     = trimsuffix(google_service_account.job[each.key].email, ".gserviceaccount.com")
          })
          content {
            name  = env.key
            value = env.value
          }
        }
      }

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = google_compute_network.main.id
          subnetwork = google_compute_subnetwork.run.id
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.image != null
      error_message = "Name the suite's image (-var image=...@sha256:...). scripts/deploy builds it and does so."
    }
  }

  depends_on = [google_sql_user.account, google_sql_user.owner, google_project_iam_member.job]
}
