# Messages in real time, as ciphertext. Rules and indexes are those of the emulators, read from the same files.

# A backup is restored into a database of another name, which has all of that before it has a document.

locals {
  restored  = setsubtract(setunion(var.restored, [var.firestore_database]), ["(default)"])
  databases = setunion(["(default)"], local.restored)

  # The one that is served.
  firestore_database = var.firestore_database == "(default)" ? google_firestore_database.main.name : google_firestore_database.restored[var.firestore_database].name

  indexes = jsondecode(file("${path.module}/../firestore.indexes.json"))
}

resource "google_firestore_database" "main" {
  name                              = "(default)"
  location_id                       = var.firestore_location
  type                              = "FIRESTORE_NATIVE"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = local.production ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = local.production ? "PREVENT" : "DELETE"

  depends_on = [google_project_service.this]
}

resource "google_firestore_database" "restored" {
  for_each = local.restored

  name                              = each.key
  location_id                       = var.firestore_location
  type                              = "FIRESTORE_NATIVE"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = local.production && each.key == var.firestore_database ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = local.production && each.key == var.firestore_database ? "PREVENT" : "DELETE"

  depends_on = [google_project_service.this]
}

resource "google_firestore_index" "this" {
  for_each = merge([for database in local.databases : {
    for index in local.indexes.indexes :
    join("-", concat(database == "(default)" ? [] : [database], [index.collectionGroup], index.fields[*].fieldPath)) => merge(index, { database = database })
  }]...)

  database    = each.value.database
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path   = fields.value.fieldPath
      order        = try(fields.value.order, null)
      array_config = try(fields.value.arrayConfig, null)
    }
  }

  depends_on = [google_firestore_database.main, google_firestore_database.restored]
}

# Fields without an index of their own, and those at whose time a document expires.
resource "google_firestore_field" "this" {
  for_each = merge([for database in local.databases : {
    for field in local.indexes.fieldOverrides :
    join(".", concat(database == "(default)" ? [] : [database], [field.collectionGroup, field.fieldPath])) => merge(field, { database = database })
  }]...)

  database   = each.value.database
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  index_config {
    dynamic "indexes" {
      for_each = each.value.indexes
      content {
        order        = try(indexes.value.order, null)
        array_config = try(indexes.value.arrayConfig, null)
        query_scope  = try(indexes.value.queryScope, null)
      }
    }
  }

  dynamic "ttl_config" {
    for_each = try(each.value.ttl, false) ? [true] : []
    content {}
  }

  depends_on = [google_firestore_database.main, google_firestore_database.restored]
}

resource "google_firebaserules_ruleset" "firestore" {
  source {
    files {
      name    = "firestore.rules"
      content = file("${path.module}/../firestore.rules")
    }
  }

  lifecycle {
    create_before_destroy = true # a release is never without its rules
  }

  depends_on = [google_project_service.this]
}

resource "google_firebaserules_release" "firestore" {
  name         = "cloud.firestore"
  ruleset_name = google_firebaserules_ruleset.firestore.name

  depends_on = [google_firestore_database.main]

  lifecycle {
    replace_triggered_by = [google_firestore_database.main.uid]
  }
}

resource "google_firebaserules_release" "restored" {
  for_each = local.restored

  name         = "cloud.firestore/${each.key}"
  ruleset_name = google_firebaserules_ruleset.firestore.name

  depends_on = [google_firestore_database.restored]

  lifecycle {
    replace_triggered_by = [google_firestore_database.restored[each.key].uid]
  }
}
