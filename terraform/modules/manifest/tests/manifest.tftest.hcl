# What a manifest becomes.

variables {
  shape           = "functions"
  max_connections = 200
  reserve         = 10
  text            = file("tests/manifest.yaml")
}

run "real" {
  command = plan

  variables {
    text            = file("../../../functions.yaml")
    max_connections = 10000
  }

  assert {
    condition     = keys(output.functions) == keys(yamldecode(var.text).functions)
    error_message = "Every entry is a function."
  }

  assert {
    condition = alltrue([for name, function in output.functions :
      [function.kind] == keys(yamldecode(var.text).functions[name].trigger)
    ])
    error_message = "Every function has its entry's trigger."
  }
}

run "defaults" {
  command = plan

  assert {
    condition = jsonencode(output.functions.say_hello) == jsonencode({
      summary            = "Say hello."
      name               = "say_hello"
      kind               = "http"
      deployed_name      = "say-hello"
      service_account_id = "fn-say-hello"
      caller_account_id  = null
      route              = "/v1/say_hello"
      method             = "POST"
      event              = null
      document           = null
      cron               = null
      time_zone          = null
      database_role      = "identity"
      secrets            = ["INDEX_KEY_FILE"]
      rotates            = []
      roles              = ["roles/datastore.user"]
      archives           = []
      cpu                = 1
      memory             = "512Mi"
      concurrency        = 40
      min_instances      = 0
      max_instances      = 10
      timeout_seconds    = 30
      pool               = 4
      environment        = { SHARED = "true", EITHER = "own" }
    })
    error_message = "An entry and the defaults make a function: ${jsonencode(output.functions.say_hello)}"
  }

  assert {
    condition = jsonencode([
      for name in ["kind", "event", "document", "caller_account_id", "route"] : output.functions.on_hello[name]
    ]) == jsonencode(["firestore", "google.cloud.firestore.document.v1.created", "hellos/{id}", "tr-on-hello", null])
    error_message = "An event function has its trigger's keys: ${jsonencode(output.functions.on_hello)}"
  }

  assert {
    condition = jsonencode([
      for name in ["kind", "cron", "time_zone", "caller_account_id", "route"] : output.functions.every_day[name]
    ]) == jsonencode(["schedule", "0 3 * * *", "Etc/UTC", "tr-every-day", "/v1/every_day"])
    error_message = "A scheduled function has its trigger's keys: ${jsonencode(output.functions.every_day)}"
  }

  assert {
    condition     = output.python == "3.11" && output.connections == 120
    error_message = "The Python is the manifest's, and ten instances and five of four connections are 60, twice in a roll-out: ${output.connections}"
  }
}

run "suite" {
  command = plan

  variables {
    shape = "service"
  }

  assert {
    condition = jsonencode(output.suite) == jsonencode({
      deployed_name      = "suite"
      service_account_id = "fn-suite"
      caller_account_id  = "tr-suite"
      database_roles     = ["identity", "maintenance"]
      secrets            = ["INDEX_KEY_FILE", "SIGNING_KEYS_FILE"]
      rotates            = ["SIGNING_KEYS_FILE"]
      roles              = ["roles/datastore.user"]
      archives           = ["backups"]
      cpu                = 1
      memory             = "1024Mi"
      concurrency        = 40
      min_instances      = 0
      max_instances      = 10
      timeout_seconds    = 60
      pool               = 4
    })
    error_message = "The suite may what all may, and is as large as the largest: ${jsonencode(output.suite)}"
  }

  assert {
    condition     = output.connections == 80
    error_message = "Ten instances of one service open 40 connections, twice in a roll-out: ${output.connections}"
  }
}

run "small" {
  command = plan

  variables {
    most_instances = 1
  }

  assert {
    condition     = [for function in output.functions : function.max_instances] == [1, 1, 1] && output.connections == 16
    error_message = "No function has more instances than the environment allows."
  }
}
