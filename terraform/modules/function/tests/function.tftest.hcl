# One function of each kind, on a provider that has no cloud behind it. tests/checkout is what stands in a checkout, staged.

mock_provider "google" {
  override_during = plan

  override_resource {
    target = google_service_account.caller
    values = {
      email  = "tr@demo.iam.gserviceaccount.com"
      member = "serviceAccount:tr@demo.iam.gserviceaccount.com"
    }
  }

  override_resource {
    target = google_cloudfunctions2_function.function
    values = {
      service_config = { uri = "https://fn.run.app" }
    }
  }
}

variables {
  python             = "3.11"
  project            = "demo"
  region             = "europe-west1"
  firestore_location = "eur3"
  firestore_database = "restored-1"
  checkout           = "./tests/checkout"
  bucket             = "sources"
  account = {
    name   = "projects/demo/serviceAccounts/fn@demo.iam.gserviceaccount.com"
    email  = "fn@demo.iam.gserviceaccount.com"
    member = "serviceAccount:fn@demo.iam.gserviceaccount.com"
  }
  builder     = "projects/demo/serviceAccounts/builder@demo.iam.gserviceaccount.com"
  repository  = "projects/demo/locations/europe-west1/repositories/functions"
  environment = { SEALPOST_URL = "https://sealpost.example" }
  secrets     = { INDEX_KEY_FILE = "index-key", SIGNING_KEYS_FILE = "signing-keys", SMTP_URL_FILE = null }
  database    = { instance = "demo:europe-west1:main", name = "sealpost" }
  network     = { network = "main", subnetwork = "functions" }

  http = {
    name              = "say_hello"
    summary           = "Say hello."
    kind              = "http"
    deployed_name     = "say-hello"
    caller_account_id = null
    route             = "/v1/say_hello"
    method            = "POST"
    event             = null
    document          = null
    cron              = null
    time_zone         = null
    database_role     = "identity"
    secrets           = ["INDEX_KEY_FILE", "SMTP_URL_FILE"]
    rotates           = []
    roles             = ["roles/datastore.user", "roles/iam.serviceAccountTokenCreator"]
    cpu               = 1
    memory            = "512Mi"
    concurrency       = 40
    min_instances     = 0
    max_instances     = 10
    timeout_seconds   = 30
    pool              = 4
    environment       = { FUNCTION_USE_ASGI = "true", LOG_EXECUTION_ID = "false" }
  }
}

run "http" {
  command = plan

  variables {
    function = var.http
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_member.invoker.member == "allUsers" && google_cloud_run_v2_service_iam_member.invoker.name == "say-hello"
    error_message = "Everybody may call a public route."
  }

  assert {
    condition     = google_cloudfunctions2_function.function.service_config[0].ingress_settings == "ALLOW_INTERNAL_AND_GCLB"
    error_message = "A public route is reached through the load balancer alone."
  }

  assert {
    condition = google_cloudfunctions2_function.function.service_config[0].environment_variables == tomap({
      FUNCTION_USE_ASGI = "true"
      LOG_EXECUTION_ID  = "false"
      SEALPOST_URL      = "https://sealpost.example"
      POOL              = "4"
      INDEX_KEY_FILE    = "/secrets/index-key/value"
      POSTGRES_INSTANCE = "demo:europe-west1:main"
      POSTGRES_DATABASE = "sealpost"
      POSTGRES_USER     = "fn@demo.iam"
    })
    error_message = "The environment is the entry's, the deployment's and what the entry asks for."
  }

  assert {
    condition = [for volume in google_cloudfunctions2_function.function.service_config[0].secret_volumes :
      [volume.secret, volume.mount_path, volume.versions[0].path, volume.versions[0].version]
    ] == [["index-key", "/secrets/index-key", "value", "latest"]]
    error_message = "A secret is mounted where the environment says, in its latest version; one that this deployment lacks is not."
  }

  assert {
    condition     = { for name, grant in google_secret_manager_secret_iam_member.reads : name => grant.secret_id } == { INDEX_KEY_FILE = "index-key" }
    error_message = "It reads the secrets of its entry and no other."
  }

  assert {
    condition     = toset(keys(google_project_iam_member.function)) == toset(["roles/datastore.user", "roles/cloudsql.client", "roles/cloudsql.instanceUser"])
    error_message = "On the project it has its entry's roles and those of PostgreSQL, and may create nobody's tokens."
  }

  assert {
    condition     = google_service_account_iam_member.itself[0].service_account_id == var.account.name && google_service_account_iam_member.itself[0].member == "serviceAccount:fn@demo.iam.gserviceaccount.com"
    error_message = "It creates tokens of its own."
  }

  assert {
    condition = [for interface in google_cloudfunctions2_function.function.service_config[0].direct_vpc_network_interface :
      [interface.network, interface.subnetwork]
    ] == [["main", "functions"]]
    error_message = "It reaches PostgreSQL through the network."
  }

  assert {
    condition     = length(google_service_account.caller) + length(google_cloud_scheduler_job.schedule) + length(google_cloudfunctions2_function.function.event_trigger) == 0
    error_message = "Nothing but its route calls it."
  }

  assert {
    condition     = [google_cloudfunctions2_function.function.build_config[0].runtime, google_cloudfunctions2_function.function.build_config[0].entry_point] == ["python311", "say_hello"]
    error_message = "It runs on the manifest's Python, and its entry point is its name."
  }

  assert {
    condition     = google_cloudfunctions2_function.function.build_config[0].source[0].storage_source[0].object == output.source && can(regex("^say-hello-[0-9a-f]{16}\\.zip$", output.source))
    error_message = "It is built from the uploaded source: ${output.source}"
  }

  assert {
    condition     = google_cloudfunctions2_function.function.build_config[0].docker_repository == var.repository
    error_message = "Its image is put where the builder may write."
  }
}

run "firestore" {
  command = plan

  variables {
    function = merge(var.http, {
      deployed_name     = "on-hello"
      kind              = "firestore"
      caller_account_id = "tr-on-hello"
      route             = null
      event             = "google.cloud.firestore.document.v1.created"
      document          = "hellos/{id}"
      secrets           = []
    })
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_member.invoker.member == "serviceAccount:tr@demo.iam.gserviceaccount.com"
    error_message = "Its trigger alone may call it."
  }

  assert {
    condition     = google_cloudfunctions2_function.function.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    error_message = "Nothing outside calls it."
  }

  assert {
    condition = [
      google_cloudfunctions2_function.function.event_trigger[0].event_type,
      google_cloudfunctions2_function.function.event_trigger[0].trigger_region,
      google_cloudfunctions2_function.function.event_trigger[0].service_account_email,
      google_cloudfunctions2_function.function.event_trigger[0].retry_policy,
    ] == ["google.cloud.firestore.document.v1.created", "eur3", "tr@demo.iam.gserviceaccount.com", "RETRY_POLICY_RETRY"]
    error_message = "Its events come from where the database is, as its own caller, and again until it has handled them."
  }

  assert {
    condition = { for filter in google_cloudfunctions2_function.function.event_trigger[0].event_filters :
      filter.attribute => [filter.value, filter.operator == null ? "" : filter.operator]
    } == { database = ["restored-1", ""], document = ["hellos/{id}", "match-path-pattern"] }
    error_message = "Its events are of its documents."
  }

  assert {
    condition     = google_project_iam_member.receives_events[0].role == "roles/eventarc.eventReceiver" && google_project_iam_member.receives_events[0].member == "serviceAccount:tr@demo.iam.gserviceaccount.com"
    error_message = "Its caller receives events."
  }

  assert {
    condition     = length(google_secret_manager_secret_iam_member.reads) + length(google_cloudfunctions2_function.function.service_config[0].secret_volumes) == 0
    error_message = "An entry without secrets reads none."
  }
}

run "schedule" {
  command = plan

  variables {
    function = merge(var.http, {
      deployed_name     = "every-day"
      kind              = "schedule"
      caller_account_id = "tr-every-day"
      route             = "/v1/every_day"
      cron              = "0 3 * * *"
      time_zone         = "Etc/UTC"
      database_role     = null
      pool              = 0
      timeout_seconds   = 600
      roles             = []
      secrets           = ["SIGNING_KEYS_FILE"]
      rotates           = ["SIGNING_KEYS_FILE"]
    })
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_member.invoker.member == "serviceAccount:tr@demo.iam.gserviceaccount.com"
    error_message = "Its schedule alone may call it."
  }

  assert {
    condition     = google_cloudfunctions2_function.function.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    error_message = "Nothing outside calls it."
  }

  assert {
    condition = [
      google_cloud_scheduler_job.schedule[0].schedule,
      google_cloud_scheduler_job.schedule[0].time_zone,
      google_cloud_scheduler_job.schedule[0].attempt_deadline,
      google_cloud_scheduler_job.schedule[0].http_target[0].uri,
      google_cloud_scheduler_job.schedule[0].http_target[0].http_method,
      google_cloud_scheduler_job.schedule[0].http_target[0].oidc_token[0].service_account_email,
      google_cloud_scheduler_job.schedule[0].http_target[0].oidc_token[0].audience,
    ] == ["0 3 * * *", "Etc/UTC", "600s", "https://fn.run.app/v1/every_day", "POST", "tr@demo.iam.gserviceaccount.com", "https://fn.run.app"]
    error_message = "It is called on its schedule at its own address, by its own caller."
  }

  assert {
    condition = google_cloudfunctions2_function.function.service_config[0].environment_variables == tomap({
      FUNCTION_USE_ASGI   = "true"
      LOG_EXECUTION_ID    = "false"
      SEALPOST_URL        = "https://sealpost.example"
      POOL                = "0"
      SIGNING_KEYS_FILE   = "/secrets/signing-keys/value"
      SIGNING_KEYS_SECRET = "projects/demo/secrets/signing-keys"
      SCHEDULER_ACCOUNT   = "tr@demo.iam.gserviceaccount.com"
      SCHEDULER_CHECK     = "platform"
    })
    error_message = "It knows its caller and the secret that it rotates, and no database."
  }

  assert {
    condition     = length(google_project_iam_member.function) + length(google_service_account_iam_member.itself) == 0
    error_message = "An entry without roles has none."
  }

  assert {
    condition     = length(google_cloudfunctions2_function.function.service_config[0].direct_vpc_network_interface) == 0
    error_message = "Who has no database has no network."
  }
}

run "changed_since_it_was_staged" {
  command = plan

  variables {
    function = merge(var.http, { name = "changed" })
  }

  expect_failures = [data.archive_file.source]
}

run "staged_with_a_file_that_is_gone" {
  command = plan

  variables {
    function = merge(var.http, { name = "grown" })
  }

  expect_failures = [data.archive_file.source]
}

run "never_staged" {
  command = plan

  variables {
    function = merge(var.http, { name = "never" })
  }

  expect_failures = [data.archive_file.source]
}

run "unknown_secret" {
  command = plan

  variables {
    function = merge(var.http, { secrets = ["NO_SUCH_FILE"] })
  }

  expect_failures = [var.secrets]
}

run "unknown_secret_to_rotate" {
  command = plan

  variables {
    function = merge(var.http, { rotates = ["NO_SUCH_FILE"] })
  }

  expect_failures = [var.secrets]
}
