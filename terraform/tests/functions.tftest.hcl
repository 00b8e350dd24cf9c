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
  assert {
    condition     = toset([for grant in google_storage_bucket_iam_member.archive : grant.role]) == toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])
    error_message = "Nobody may overwrite or delete what is in an archive."
  }

  assert {
    condition     = alltrue(flatten([for function in output.functions : [for role in function.roles : !startswith(role, "roles/storage.")]]))
    error_message = "No function has a role in every bucket."
  }

  assert {
    condition = toset([for name, grant in google_storage_bucket_iam_member.archive : name if grant.role == "roles/storage.objectCreator"]) == toset(concat(
      ["documents adds to backups", "relations adds to backups"],
      flatten([for name, entry in yamldecode(file("../functions.yaml")).functions : [for archive in try(entry.archives, []) : "${name} adds to ${archive}"]]),
    ))
    error_message = "Functions add to the archives of their entries, the databases' own accounts to the backups, and nobody else to any."
  }

  assert {
    condition = toset([for name, grant in google_storage_bucket_iam_member.archive : name if grant.role == "roles/storage.objectViewer"]) == toset(concat(
      ["documents reads backups", "relations reads backups", "restore reads backups", "restore reads revocations"],
      [for name, entry in yamldecode(file("../functions.yaml")).functions : "${name} reads backups" if contains(try(entry.archives, []), "backups")],
    ))
    error_message = "Who makes backups reads them, as a restore does, which alone reads what was ended."
  }

  assert {
    condition     = toset(keys(google_project_iam_member.exports)) == toset([for name, entry in yamldecode(file("../functions.yaml")).functions : name if contains(try(entry.archives, []), "backups")])
    error_message = "Who adds to the backups may start exports, and nobody else."
  }

  assert {
    condition = (tolist(tolist(google_storage_bucket.archive["revocations"].lifecycle_rule)[0].condition)[0].age * 86400
    > tolist(tolist(google_storage_bucket.archive["backups"].lifecycle_rule)[0].condition)[0].age * 86400 + google_storage_bucket.archive["backups"].soft_delete_policy[0].retention_duration_seconds)
    error_message = "What was ended is known for longer than any backup that would bring it back."
  }
}
