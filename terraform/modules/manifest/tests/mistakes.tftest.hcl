# One slip each in a manifest that is right, and the sentence that refuses it.

variables {
  shape           = "functions"
  max_connections = 200
  reserve         = 10
  good            = file("tests/manifest.yaml")
}

run "right" {
  command = plan

  variables {
    text = var.good
  }
}

run "longest_name" {
  command = plan

  variables {
    text = replace(var.good, "say_hello:", "say_hello_to_everybody_else:")
  }
}

run "budget_that_just_fits" {
  command = plan

  variables {
    text            = var.good
    max_connections = 130
  }
}

run "budget_that_does_not_fit" {
  command = plan

  variables {
    text            = var.good
    max_connections = 129
  }

  expect_failures = [output.functions]

  assert {
    condition = local.mistakes == [join(" ", [
      "In a roll-out the functions may open 120 connections to PostgreSQL, which has 129 and keeps 10 in reserve:",
      "lower max_instances or pool in functions.yaml, or take a larger postgres_tier.",
    ])]
    error_message = join("\n", local.mistakes)
  }
}

run "other_shape" {
  command = plan

  variables {
    text  = var.good
    shape = "pods"
  }

  expect_failures = [var.shape]
}

run "misspelt_key" {
  command = plan

  variables {
    text = replace(var.good, "database_role: identity", "databse_role: identity")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: there is no key \"databse_role\"; take one of summary, trigger, database_role, secrets, rotates, roles, archives, cpu, concurrency, min_instances, max_instances, timeout_seconds, pool, memory, environment.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "misspelt_default" {
  command = plan

  variables {
    text = replace(var.good, "concurrency: 40", "concurency: 40")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "defaults: there is no key \"concurency\"; take one of cpu, concurrency, min_instances, max_instances, timeout_seconds, pool, memory, environment.",
      "defaults: say \"concurrency\".",
      "every_day: \"concurrency\" is a whole number.",
      "on_hello: \"concurrency\" is a whole number.",
      "say_hello: \"concurrency\" is a whole number.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "misspelt_section" {
  command = plan

  variables {
    text = replace(var.good, "functions:", "function:")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "functions.yaml: there is no section \"function\"; take it out, or mend its spelling.",
      "functions.yaml: list the functions under \"functions\", each as a mapping.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "misspelt_key_of_trigger" {
  command = plan

  variables {
    text = replace(var.good, "method: POST", "methods: POST")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: its trigger has no key \"methods\"; take route, method.",
      "say_hello: say \"method\" of its trigger.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "two_triggers" {
  command = plan

  variables {
    text = replace(var.good, "{http: {", "{schedule: {}, http: {")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: give it exactly one trigger, one of firestore, http, schedule.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "no_trigger" {
  command = plan

  variables {
    text = replace(var.good, "trigger: {http: {route: /v1/say_hello, method: POST}}", "trigger: {}")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: give it exactly one trigger, one of firestore, http, schedule.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "other_trigger" {
  command = plan

  variables {
    text = replace(var.good, "{http: {", "{pubsub: {")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: give it exactly one trigger, one of firestore, http, schedule.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "duplicate_route" {
  command = plan

  variables {
    text = replace(var.good, "route: /v1/say_hello", "route: /v1/every_day")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "every_day and say_hello have the same route, /v1/every_day; give each its own.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "reserved_route" {
  command = plan

  variables {
    text = replace(var.good, "route: /v1/say_hello", "route: /v1/healthz")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: the route /v1/healthz is taken by Cloud Run or the suite; choose another.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "other_route" {
  command = plan

  variables {
    text = replace(var.good, "route: /v1/say_hello", "route: /health")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: the route /health is none; write /v1/ and small letters.",
      "say_hello: the route /health is taken by Cloud Run or the suite; choose another.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "reserved_name" {
  command = plan

  variables {
    text = replace(var.good, "say_hello:", "suite:")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "suite: the name is taken by the suite itself; choose another.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "hyphened_name" {
  command = plan

  variables {
    text = replace(var.good, "say_hello:", "say-hello:")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say-hello: a name is made of small letters, digits and single underscores between them.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "name_too_long" {
  command = plan

  variables {
    text = replace(var.good, "say_hello:", "say_hello_to_everybody_there:")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello_to_everybody_there: the name has 28 letters; give it 27 at most, or no service account can bear it.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "name_too_short" {
  command = plan

  variables {
    text = replace(var.good, "say_hello:", "hi:")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "hi: the name has 2 letters; give it 3 at least, or no service account can bear it.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "primitive_role" {
  command = plan

  variables {
    text = replace(var.good, "roles/datastore.user", "roles/editor")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: roles/editor opens the whole project; name a role of one service, such as roles/datastore.user.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "other_archive" {
  command = plan

  variables {
    text = replace(var.good, "archives: [backups]", "archives: [attic]")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "every_day: there is no archive \"attic\"; take one of backups, revocations.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "reserved_variable" {
  command = plan

  variables {
    text = replace(var.good, "EITHER: own", "K_SERVICE: own")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: the deployment sets K_SERVICE itself; choose another name.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "variable_of_the_deployment" {
  command = plan

  variables {
    text = replace(var.good, "EITHER: own", "SCHEDULER_CHECK: platform")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: the deployment sets SCHEDULER_CHECK itself; choose another name.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "other_database_role" {
  command = plan

  variables {
    text = replace(var.good, "database_role: identity", "database_role: idenity")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: there is no database role \"idenity\"; take one of identity, messaging, maintenance, backup.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "other_secrets" {
  command = plan

  variables {
    text = replace(replace(var.good, "[INDEX_KEY_FILE]", "[INDEX_KEY]"), "rotates: [SIGNING_KEYS_FILE]", "rotates: [SIGNING_KEY_FILE]")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "every_day: there is no secret \"SIGNING_KEY_FILE\"; take one of INDEX_KEY_FILE, SIGNING_KEYS_FILE, VERIFICATION_KEYS_FILE, SMTP_URL_FILE.",
      "say_hello: there is no secret \"INDEX_KEY\"; take one of INDEX_KEY_FILE, SIGNING_KEYS_FILE, VERIFICATION_KEYS_FILE, SMTP_URL_FILE.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "word_for_a_number" {
  command = plan

  variables {
    text = replace(var.good, "max_instances: 10", "max_instances: many")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "say_hello: \"max_instances\" is a whole number.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "other_memory" {
  command = plan

  variables {
    text = replace(var.good, "memory: 1Gi", "memory: 1G")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "every_day: \"memory\" is a number of Mi or Gi, such as 512Mi.",
    ])
    error_message = join("\n", local.mistakes)
  }
}

run "number_for_python" {
  command = plan

  variables {
    text = replace(var.good, "python: \"3.11\"", "python: \"3\"")
  }

  expect_failures = [output.functions]

  assert {
    condition = jsonencode(local.mistakes) == jsonencode([
      "functions.yaml: say the deployed Python in \"python\", such as \"3.11\", in quotes.",
    ])
    error_message = join("\n", local.mistakes)
  }
}
