output "functions" {
  description = "Every function by its name: its entry with all defaults, the keys of its trigger beside the others (null where its kind has none), and its deployed names."
  value       = local.functions

  precondition {
    condition     = length(local.mistakes) == 0
    error_message = join("\n", local.mistakes)
  }
}

output "suite" {
  description = "All functions in one process: it may do what any of them may, and is as large as the largest."
  value = merge(local.largest, {
    deployed_name      = "suite"
    service_account_id = "fn-suite"
    caller_account_id  = "tr-suite"
    memory             = try("${max([for function in local.functions : tonumber(regex("^[0-9]+", function.memory)) * (endswith(function.memory, "Gi") ? 1024 : 1)]...)}Mi", null)
    database_roles     = sort(distinct(compact(values(local.functions)[*].database_role)))
    secrets            = sort(distinct(flatten(values(local.functions)[*].secrets)))
    rotates            = sort(distinct(flatten(values(local.functions)[*].rotates)))
    roles              = sort(distinct(flatten(values(local.functions)[*].roles)))
    archives           = sort(distinct(flatten(values(local.functions)[*].archives)))
  })
}

output "python" {
  description = "The deployed Python, such as 3.11."
  value       = try(local.manifest.python, null)
}

output "connections" {
  description = "The most connections that this shape opens to PostgreSQL: in a roll-out, when the old instances and the new ones are there."
  value       = local.connections
}
