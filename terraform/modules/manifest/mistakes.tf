# What a manifest may say. functions.schema.json says the same to an editor and to the tests; here it is said again
# because Terraform drops a misspelt key without a word, and because only a deployment knows its limits.

locals {
  resources = concat(local.numbers, ["memory", "environment"])
  numbers   = ["cpu", "concurrency", "min_instances", "max_instances", "timeout_seconds", "pool"]
  triggers = {
    http      = ["route", "method"]
    firestore = ["event", "document"]
    schedule  = ["route", "cron", "time_zone"]
  }
  keys = concat(["summary", "trigger", "database_role", "secrets", "rotates", "roles", "archives"], local.resources)

  archives = ["backups", "revocations"]

  # A service account's id has 6 to 30 letters, three of which are our prefix. No other name that is made of a function's is as short.
  shortest = 3
  longest  = 27

  database_roles = ["identity", "messaging", "maintenance", "backup"]
  secrets        = ["INDEX_KEY_FILE", "SIGNING_KEYS_FILE", "VERIFICATION_KEYS_FILE", "SMTP_URL_FILE"]

  reserved_names  = ["health", "suite"]
  reserved_routes = "^/(health|eventlog|_ah/.*|.*z)$"
  reserved_values = join("", [
    "^(PORT|K_.*|FUNCTION_TARGET|FUNCTION_SIGNATURE_TYPE|GOOGLE_.*|X_GOOGLE_.*",
    # Ours: in one process a function's would hold for all of them, who may call included.
    "|SEALPOST_URL|IDENTITY_API_KEY|TRUSTED_PROXIES|MAIL_FROM|POOL|POSTGRES_.*|FIRESTORE_.*|BACKUP_.*|REVOCATIONS_.*|SCHEDULER_.*|EVENTS_.*|.*_FILE|.*_SECRET)$",
  ])

  routes = { for name, function in local.functions : name => function.route if function.route != null }

  mistakes = concat(
    [for key in try(keys(local.manifest), []) : "functions.yaml: there is no section \"${key}\"; take it out, or mend its spelling."
    if !contains(["python", "defaults", "functions"], key)],
    length(local.entries) == 0 ? ["functions.yaml: list the functions under \"functions\", each as a mapping."] : [],
    can(regex("^3\\.[0-9]+$", local.manifest.python)) ? [] : ["functions.yaml: say the deployed Python in \"python\", such as \"3.11\", in quotes."],
    [for key in try(keys(local.manifest.defaults), []) : "defaults: there is no key \"${key}\"; take one of ${join(", ", local.resources)}."
    if !contains(local.resources, key)],
    [for key in local.resources : "defaults: say \"${key}\"." if !can(local.manifest.defaults[key])],
    flatten([for name, entry in local.entries : concat(
      [for key in keys(entry) : "${name}: there is no key \"${key}\"; take one of ${join(", ", local.keys)}." if !contains(local.keys, key)],
      contains(keys(local.triggers), coalesce(local.kinds[name], "none")) ? [] : [
        "${name}: give it exactly one trigger, one of ${join(", ", keys(local.triggers))}."
      ],
      [for key in try(keys(entry.trigger[local.kinds[name]]), []) : "${name}: its trigger has no key \"${key}\"; take ${join(", ", local.triggers[local.kinds[name]])}."
      if !contains(try(local.triggers[local.kinds[name]], [key]), key)],
      [for key in try(local.triggers[local.kinds[name]], []) : "${name}: say \"${key}\" of its trigger." if local.functions[name][key] == null],
      [for role in local.functions[name].roles : "${name}: ${role} opens the whole project; name a role of one service, such as roles/datastore.user."
      if !can(regex("^roles/[a-z]+\\.[A-Za-z.]+$", role))],
      [for archive in local.functions[name].archives : "${name}: there is no archive \"${archive}\"; take one of ${join(", ", local.archives)}." if !contains(local.archives, archive)],
      [for key in keys(local.functions[name].environment) : "${name}: the deployment sets ${key} itself; choose another name." if can(regex(local.reserved_values, key))],
      [for key in local.numbers : "${name}: \"${key}\" is a whole number." if !try(floor(local.functions[name][key]) == local.functions[name][key], false)],
      can(regex("^[0-9]+[MG]i$", local.functions[name].memory)) ? [] : ["${name}: \"memory\" is a number of Mi or Gi, such as 512Mi."],
      [for role in [local.functions[name].database_role] : "${name}: there is no database role \"${role}\"; take one of ${join(", ", local.database_roles)}."
      if role != null && !contains(local.database_roles, coalesce(role, "none"))],
      [for secret in distinct(concat(local.functions[name].secrets, local.functions[name].rotates)) : "${name}: there is no secret \"${secret}\"; take one of ${join(", ", local.secrets)}."
      if !contains(local.secrets, secret)],
      can(regex("^[a-z][a-z0-9]*(_[a-z0-9]+)*$", name)) ? [] : ["${name}: a name is made of small letters, digits and single underscores between them."],
      length(name) < local.shortest ? ["${name}: the name has ${length(name)} letters; give it ${local.shortest} at least, or no service account can bear it."] : [],
      length(name) > local.longest ? ["${name}: the name has ${length(name)} letters; give it ${local.longest} at most, or no service account can bear it."] : [],
      contains(local.reserved_names, name) ? ["${name}: the name is taken by the suite itself; choose another."] : [],
    )]),
    flatten([for name, route in local.routes : concat(
      can(regex("^/v1/[a-z_]+$", route)) ? [] : ["${name}: the route ${route} is none; write /v1/ and small letters."],
      can(regex(local.reserved_routes, route)) ? ["${name}: the route ${route} is taken by Cloud Run or the suite; choose another."] : [],
    )]),
    [for route, names in { for name, route in local.routes : route => name... } : "${join(" and ", names)} have the same route, ${route}; give each its own." if length(names) > 1],
    local.connections + var.reserve <= var.max_connections ? [] : [join(" ", [
      "In a roll-out the ${var.shape} may open ${local.connections} connections to PostgreSQL, which has ${var.max_connections} and keeps ${var.reserve} in reserve:",
      "lower max_instances or pool in functions.yaml, or take a larger postgres_tier.",
    ])],
  )
}
