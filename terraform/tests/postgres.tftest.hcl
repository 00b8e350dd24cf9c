# What holds of PostgreSQL in every environment.

variables {
  project = "sealpost-test"
  shape   = "service"
  image   = "europe-west1-docker.pkg.dev/sealpost-test/sealpost/suite@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "postgres" {
  command = plan

  variables {
    read_replicas = 1
  }

  assert {
    condition = alltrue([for instance in concat([google_sql_database_instance.main], google_sql_database_instance.replica) :
      !instance.settings[0].ip_configuration[0].ipv4_enabled
    ])
    error_message = "PostgreSQL has a private address alone."
  }

  assert {
    condition = alltrue([for instance in concat([google_sql_database_instance.main], google_sql_database_instance.replica) :
      instance.settings[0].ip_configuration[0].ssl_mode == "TRUSTED_CLIENT_CERTIFICATE_REQUIRED" && instance.settings[0].connector_enforcement == "REQUIRED"
    ])
    error_message = "PostgreSQL is reached through the connector, with certificates on both sides."
  }

  assert {
    condition = alltrue([for instance in concat([google_sql_database_instance.main], google_sql_database_instance.replica) : alltrue([
      for name in ["cloudsql.iam_authentication", "log_checkpoints", "log_connections", "log_disconnections", "log_lock_waits"] :
      contains([for flag in instance.settings[0].database_flags : flag.name if flag.value == "on"], name)
    ])])
    error_message = "PostgreSQL knows service accounts, and logs what an audit asks for."
  }

  assert {
    condition = alltrue([for instance in concat([google_sql_database_instance.main], google_sql_database_instance.replica) : {
      for flag in instance.settings[0].database_flags : flag.name => flag.value if contains(["log_statement", "log_min_duration_statement", "log_min_error_statement"], flag.name)
    } == { log_statement = "ddl", log_min_duration_statement = "-1", log_min_error_statement = "panic" }])
    error_message = "PostgreSQL logs no statement that holds what people look up."
  }

  assert {
    condition = [for flag in google_sql_database_instance.main.settings[0].database_flags : flag.value if flag.name == "max_connections"] == [
      tostring(tonumber(split("-", google_sql_database_instance.main.settings[0].tier)[3]) / 16)
    ]
    error_message = "PostgreSQL takes as many connections as its memory is enough for."
  }

  assert {
    condition = (google_sql_database_instance.main.settings[0].backup_configuration[0].enabled
    && google_sql_database_instance.main.settings[0].backup_configuration[0].point_in_time_recovery_enabled)
    error_message = "PostgreSQL is backed up, to the second."
  }

  assert {
    condition = alltrue([for user in concat(values(google_sql_user.account), values(google_sql_user.owner)) :
      user.type == "CLOUD_IAM_SERVICE_ACCOUNT" && nonsensitive(user.password == null) && user.password_wo_version == null
    ])
    error_message = "Only service accounts log in; there is no password."
  }

  assert {
    condition     = google_firestore_database.main.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "Firestore can go back to any second of the last week."
  }
}
