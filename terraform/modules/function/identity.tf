# Whom the function runs as, and what that may do.

locals {
  on_itself = "roles/iam.serviceAccountTokenCreator" # on the project it would be everybody's impersonation
  roles = setunion(
    [for role in var.function.roles : role if role != local.on_itself],
    var.function.database_role == null ? [] : ["roles/cloudsql.client", "roles/cloudsql.instanceUser"],
  )
  secrets = { for name in var.function.secrets : name => var.secrets[name] if var.secrets[name] != null }
}

resource "google_project_iam_member" "function" {
  for_each = local.roles

  project = var.project
  role    = each.key
  member  = var.account.member
}

resource "google_service_account_iam_member" "itself" {
  count = contains(var.function.roles, local.on_itself) ? 1 : 0

  service_account_id = var.account.name
  role               = local.on_itself
  member             = var.account.member
}

resource "google_secret_manager_secret_iam_member" "reads" {
  for_each = local.secrets

  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = var.account.member
}
