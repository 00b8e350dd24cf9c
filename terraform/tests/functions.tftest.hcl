# The shape "functions", planned from the real manifest. What is expected is read from that file by itself; var.checkout
# may lead to another one, which is how the assertions themselves are tried.

variables {
  project = "sealpost-test"
  shape   = "functions"
  domain  = "chat.example.com"
  image   = "europe-west1-docker.pkg.dev/sealpost-test/sealpost/suite@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "functions" {
  command = plan

  assert {
    condition     = keys(output.functions) == keys(yamldecode(file("../functions.yaml")).functions)
    error_message = "Each entry has its function, and nothing else is one."
  }

  assert {
    condition = alltrue([for name, entry in yamldecode(file("../functions.yaml")).functions :
      output.functions[name].service == replace(name, "_", "-") if contains(keys(output.functions), name)
    ])
    error_message = "Each function is deployed under its own name, with hyphens."
  }

  assert {
    condition = alltrue([for name, entry in yamldecode(file("../functions.yaml")).functions :
      (output.functions[name].invoker == "allUsers") == can(entry.trigger.http) if contains(keys(output.functions), name)
    ])
    error_message = "Everybody may invoke the functions with a public route, and those alone."
  }

  assert {
    condition = alltrue([for name, entry in yamldecode(file("../functions.yaml")).functions :
      can(entry.trigger.http) || output.functions[name].invoker == "serviceAccount:tr-${replace(name, "_", "-")}@sealpost-test.iam.gserviceaccount.com" if contains(keys(output.functions), name)
    ])
    error_message = "A function that Firestore or the scheduler calls is invoked by an account of its own."
  }

  assert {
    condition = alltrue([for name, entry in yamldecode(file("../functions.yaml")).functions :
      output.functions[name].ingress == (can(entry.trigger.http) ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY") if contains(keys(output.functions), name)
    ])
    error_message = "Public routes are reached through the load balancer; the others from inside alone."
  }

  assert {
    condition = alltrue([for name, entry in yamldecode(file("../functions.yaml")).functions :
      output.functions[name].route == try(values(entry.trigger)[0].route, null) if contains(keys(output.functions), name)
    ])
    error_message = "Each function has its route."
  }

  assert {
    condition = alltrue([for name, entry in yamldecode(file("../functions.yaml")).functions :
      output.functions[name].document == try(entry.trigger.firestore.document, null) if contains(keys(output.functions), name)
    ])
    error_message = "Firestore calls each function for its document, and no other function."
  }

  assert {
    condition = alltrue([for name, entry in yamldecode(file("../functions.yaml")).functions :
      output.functions[name].cron == try(entry.trigger.schedule.cron, null) if contains(keys(output.functions), name)
    ])
    error_message = "The scheduler calls each function at its time, and no other function."
  }

  assert {
    condition = alltrue([for name, entry in yamldecode(file("../functions.yaml")).functions : output.functions[name].secrets == sort([
      for secret in try(entry.secrets, []) : lower(replace(trimsuffix(secret, "_FILE"), "_", "-")) if secret != "SMTP_URL_FILE"
    ]) if contains(keys(output.functions), name)])
    error_message = "Each function reads the secrets of its entry, and no other."
  }

  assert {
    condition = toset(keys(google_secret_manager_secret_iam_member.rotates)) == toset(flatten([
      for name, entry in yamldecode(file("../functions.yaml")).functions : [for secret in try(entry.rotates, []) : "${name} ${secret}"]
    ]))
    error_message = "Only functions that rotate a secret may change it."
  }

  assert {
    condition     = length(google_cloud_run_v2_service.suite) == 0 && length(google_project_iam_member.suite) == 0
    error_message = "There is no suite beside the functions, and its account may do nothing."
  }
}
