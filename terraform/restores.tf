# What the job `restore` may do besides logging in to PostgreSQL as its owner: fill Firestore databases that are named
# restored-..., but never the one that is served.

resource "google_project_iam_custom_role" "imports" {
  role_id     = "sealpostImportsDocuments"
  title       = "Imports documents"
  description = "Starts imports into Firestore databases, and follows them"
  permissions = [
    "datastore.databases.getMetadata",
    "datastore.databases.import",
    "datastore.operations.get",
  ]

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "restore" {
  for_each = { imports = google_project_iam_custom_role.imports.id, documents = "roles/datastore.user" }

  project = var.project
  role    = each.value
  member  = google_service_account.job["restore"].member

  condition {
    title       = "Restored databases that are not served"
    description = "A restore writes over no living database"
    expression = join(" && ", [
      "resource.name.startsWith(\"projects/${var.project}/databases/restored-\")",
      "resource.name != \"projects/${var.project}/databases/${var.firestore_database}\"",
    ])
  }
}
