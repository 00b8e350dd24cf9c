# The shape "service", planned from the real manifest; see functions.tftest.hcl.

variables {
  project = "sealpost-test"
  shape   = "service"
  image   = "europe-west1-docker.pkg.dev/sealpost-test/sealpost/suite@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "service" {
  command = plan

  assert {
    condition     = length(output.functions) == 0
    error_message = "There is no function beside the suite."
  }

  assert {
    condition = { for name, trigger in google_eventarc_trigger.suite : name => trigger.destination[0].cloud_run_service[0].path } == {
      for name, entry in yamldecode(file("../functions.yaml")).functions : name => "/events/${name}" if can(entry.trigger.firestore)
    }
    error_message = "Firestore calls each of its functions under /events, and no other."
  }

  assert {
    condition = { for name, job in google_cloud_scheduler_job.suite : name => job.schedule } == {
      for name, entry in yamldecode(file("../functions.yaml")).functions : name => entry.trigger.schedule.cron if can(entry.trigger.schedule)
    }
    error_message = "The scheduler calls each of its functions at its time, and no other."
  }

  assert {
    condition = toset(keys(google_secret_manager_secret_iam_member.suite_reads)) == toset(flatten([
      for entry in yamldecode(file("../functions.yaml")).functions : [for secret in try(entry.secrets, []) : secret if secret != "SMTP_URL_FILE"]
    ]))
    error_message = "The suite reads the secrets of its functions, and no other."
  }

  assert {
    condition     = google_cloud_run_v2_service.suite["suite"].ingress == "INGRESS_TRAFFIC_ALL"
    error_message = "Without a domain the suite is reached at its own address."
  }

  assert {
    condition     = google_cloud_run_v2_service.suite["suite"].template[0].containers[0].resources[0].cpu_idle
    error_message = "An instance without a request costs nothing."
  }

  assert {
    condition     = one([for env in google_cloud_run_v2_service.suite["suite"].template[0].containers[0].env : tonumber(env.value) if env.name == "POOL"]) * 2 == 8
    error_message = "Both drivers together open as many connections as the manifest counts."
  }

  assert {
    condition     = [for grant in google_project_iam_member.suite : grant.role if grant.role == "roles/iam.serviceAccountTokenCreator"] == []
    error_message = "The suite makes tokens for itself alone, not for the whole project."
  }

  assert {
    condition = { for name, job in google_cloud_run_v2_job.this : name => job.template[0].template[0].containers[0].args[1] } == {
      migrate       = "common.storage.postgres.migrate"
      restore       = "common.storage.restore"
      restore-check = "common.storage.postgres.inspect"
    }
    error_message = "One job brings the schema up to date, one restores, another looks at what was restored."
  }

  assert {
    condition     = google_project_iam_member.restore.condition[0].expression == "resource.name.startsWith(\"projects/${var.project}/databases/restored-\")"
    error_message = "The job restore writes documents into restored databases, and into no other."
  }

  assert {
    condition = { for grant in google_storage_bucket_iam_member.builder : grant.bucket => grant.role } == {
      sealpost-test-builds  = "roles/storage.objectViewer"
      sealpost-test-sources = "roles/storage.objectViewer"
      } && [google_project_iam_member.builder_reads_copies.role, google_project_iam_member.builder_reads_copies.condition[0].expression] == [
      "roles/storage.objectViewer", "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-europe-west1\")"
    ]
    error_message = "Who builds reads the buckets that sources are in, and no other."
  }

  assert {
    condition = { for grant in google_artifact_registry_repository_iam_member.builder : grant.repository => grant.role } == {
      sealpost           = "roles/artifactregistry.writer"
      sealpost-functions = "roles/artifactregistry.writer"
    } && google_project_iam_member.builder_logs.role == "roles/logging.logWriter"
    error_message = "Who builds writes to the repositories of images and to the log, and to nothing else."
  }
}

run "restored" {
  command = plan

  variables {
    firestore_database = "restored-2026-11-22"
    postgres_database  = "restored_2026_11_22"
    restored           = ["restored-2026-11-23"]
  }

  assert {
    condition     = google_firestore_database.main.name == "(default)" && keys(google_firestore_database.restored) == ["restored-2026-11-22", "restored-2026-11-23"]
    error_message = "A restored database stands beside the one of old."
  }

  assert {
    condition = jsonencode([
      [for env in google_cloud_run_v2_service.suite["suite"].template[0].containers[0].env : env.value if contains(["FIRESTORE_DATABASE", "POSTGRES_DATABASE"], env.name)],
      distinct(flatten([for trigger in google_eventarc_trigger.suite : [for each in trigger.matching_criteria : each.value if each.attribute == "database"]])),
    ]) == jsonencode([["restored-2026-11-22", "restored_2026_11_22"], ["restored-2026-11-22"]])
    error_message = "What is served, and whose events are handled, is the restored pair."
  }

  assert {
    condition = alltrue([for name, database in google_firestore_database.restored :
      google_firebaserules_release.restored[name].name == "cloud.firestore/${name}"
      && length([for index in google_firestore_index.this : index if index.database == name]) == length([for index in google_firestore_index.this : index if index.database == "(default)"])
      && length([for field in google_firestore_field.this : field if field.database == name]) == length([for field in google_firestore_field.this : field if field.database == "(default)"])
    ])
    error_message = "A restored database has the rules, indexes and expiry of the one of old."
  }
}

run "behind_a_load_balancer" {
  command = plan

  variables {
    domain = "chat.example.com"
  }

  assert {
    condition     = google_cloud_run_v2_service.suite["suite"].ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    error_message = "With a domain the suite is reached through the load balancer alone."
  }

  assert {
    condition     = output.service_url == "https://chat.example.com"
    error_message = "Tokens are made for the domain."
  }
}

# Functions without a domain, an image by its tag, events from afar, a machine without a known memory, a database of
# another name, backups that are not kept.
run "what_is_refused" {
  command = plan

  variables {
    shape              = "functions"
    image              = "europe-west1-docker.pkg.dev/sealpost-test/sealpost/suite:latest"
    firestore_location = "nam5"
    postgres_tier      = "db-f1-micro"
    firestore_database = "other"
    postgres_database  = "Sealpost"
    restored           = ["(default)"]
    backup_days        = 0
  }

  expect_failures = [
    var.domain, var.image, var.firestore_location, var.postgres_tier,
    var.firestore_database, var.postgres_database, var.restored, var.backup_days,
  ]
}

run "no_image" {
  command = plan

  variables {
    image = null
  }

  expect_failures = [google_cloud_run_v2_job.this, google_cloud_run_v2_service.suite]

  assert {
    condition     = local.image != null
    error_message = "Without an image the deployment can still be destroyed."
  }
}
