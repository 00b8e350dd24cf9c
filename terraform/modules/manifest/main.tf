# functions.yaml with its defaults filled in, and the names that a deployment gives to a function.
# What is wrong with it is said in mistakes.tf; until then nothing here may fail on it.

locals {
  manifest = yamldecode(var.text)
  entries  = try({ for name, entry in local.manifest.functions : name => entry if can(keys(entry)) }, {})

  defaults = merge(
    { for key in local.resources : key => null },
    { summary = null, database_role = null, secrets = [], rotates = [], roles = [], archives = [] },
    try(local.manifest.defaults, {}),
  )

  functions = { for name, entry in local.entries : name => merge(
    local.defaults,
    { for key, value in entry : key => value if key != "trigger" },
    { for key in distinct(flatten(values(local.triggers))) : key => try(entry.trigger[local.kinds[name]][key], null) },
    try({ max_instances = min(merge(local.defaults, entry).max_instances, var.most_instances) }, {}),
    {
      name               = name
      kind               = local.kinds[name]
      deployed_name      = replace(name, "_", "-")
      service_account_id = "fn-${replace(name, "_", "-")}"
      caller_account_id  = local.kinds[name] == "http" ? null : "tr-${replace(name, "_", "-")}"
      environment        = merge(try(local.defaults.environment, {}), try(entry.environment, {}))
    },
  ) }
  kinds = { for name, entry in local.entries : name => try(one(keys(entry.trigger)), null) }

  largest = { for key in local.numbers : key => try(max(values(local.functions)[*][key]...), null) }

  # A roll-out has the old revision's instances and the new one's.
  connections = try(2 * {
    functions = sum([for function in local.functions : function.max_instances * function.pool])
    service   = local.largest.max_instances * local.largest.pool
  }[var.shape], 0)
}
