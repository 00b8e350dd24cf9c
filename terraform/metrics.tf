# Metrics that are read from log lines: whoever follows the backups tells them each time, also when nothing was to do.

resource "google_logging_metric" "backup" {
  for_each = {
    backup_last_success_timestamp_seconds = { unit = "s", description = "The moment that the newest complete backup is of, since 1970. 0: there is none." }
    backup_bytes                          = { unit = "By", description = "The size of the newest complete backup" }
  }

  name            = each.key
  description     = each.value.description
  filter          = "resource.type=\"cloud_run_revision\" AND jsonPayload.${each.key}>=0"
  value_extractor = "EXTRACT(jsonPayload.${each.key})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION" # the only one with a value; of one line a period its mean is that value
    unit        = each.value.unit
  }

  depends_on = [google_project_service.this]
}
