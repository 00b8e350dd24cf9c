# The table of contents, and the shape "functions": each of them a service of its own.

module "manifest" {
  source = "./modules/manifest"

  text            = file("${var.checkout}/functions.yaml")
  shape           = var.shape
  most_instances  = var.most_instances
  max_connections = local.max_connections
  reserve         = var.postgres_reserve
}

locals {
  host        = coalesce(var.domain, "suite-${local.number}.${var.region}.run.app")
  service_url = "https://${local.host}"

  # What every function reads from its environment (common/settings.py).
  environment = merge(
    {
      GOOGLE_CLOUD_PROJECT = var.project
      SEALPOST_URL         = local.service_url
      IDENTITY_API_KEY     = google_apikeys_key.client.key_string
      FIRESTORE_DATABASE   = local.firestore_database
      BACKUP_BUCKET        = google_storage_bucket.archive["backups"].name
      REVOCATIONS_BUCKET   = google_storage_bucket.archive["revocations"].name
      TRUSTED_PROXIES      = var.domain == null ? "1" : "2" # Google's front end, and before it the load balancer
    },
    var.smtp ? { MAIL_FROM = var.mail_from } : {},
  )
}

# Not in the module: the databases know these accounts before any function is there, and in both shapes, so that the one
# can be exchanged for the other. Whose shape is not deployed may not log in (roles/cloudsql.instanceUser).
resource "google_service_account" "function" {
  for_each = module.manifest.functions

  account_id   = each.value.service_account_id
  display_name = "Function ${each.value.deployed_name}"
  description  = each.value.summary

  depends_on = [google_project_service.this]
}

module "function" {
  source   = "./modules/function"
  for_each = var.shape == "functions" ? module.manifest.functions : {}

  function           = each.value
  account            = google_service_account.function[each.key]
  python             = module.manifest.python
  project            = var.project
  region             = var.region
  firestore_location = google_firestore_database.main.location_id
  firestore_database = local.firestore_database
  checkout           = var.checkout
  bucket             = google_storage_bucket.sources.name
  builder            = google_service_account.builder.name
  repository         = google_artifact_registry_repository.functions.id
  environment        = local.environment
  secrets            = { for name, id in local.secrets : name => id == null ? null : google_secret_manager_secret.this[name].secret_id }
  database           = { instance = google_sql_database_instance.main.connection_name, name = local.postgres_database }
  network            = { network = google_compute_network.main.id, subnetwork = google_compute_subnetwork.run.id }
}

# Who runs: the account of each function, or the suite's.
locals {
  accounts = var.shape == "functions" ? {
    for name, function in module.manifest.functions : name => { email = google_service_account.function[name].email, rotates = function.rotates, archives = function.archives }
    } : {
    suite = { email = google_service_account.suite.email, rotates = local.suite.rotates, archives = local.suite.archives }
  }
}
