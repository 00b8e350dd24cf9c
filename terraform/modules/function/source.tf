# What is uploaded: the folder that scripts/package staged, if it is what the checkout holds now.

locals {
  staging = "${var.checkout}/build/functions/${var.function.name}"
  staged  = { for path in fileset(local.staging, "**") : path => filesha256("${local.staging}/${path}") }
  sources = merge(
    { for path in fileset(var.checkout, "common/**") : path => filesha256("${var.checkout}/${path}") if !strcontains(path, "__pycache__/") },
    { "main.py" = filesha256("${var.checkout}/functions/${var.function.name}/main.py") },
    { "requirements.txt" = filesha256("${var.checkout}/requirements.txt") },
  )
}

data "archive_file" "source" {
  type             = "zip"
  source_dir       = local.staging
  output_path      = "${local.staging}.zip"
  output_file_mode = "0644"

  lifecycle {
    precondition {
      condition     = local.staged == local.sources
      error_message = "${local.staging} is not what the checkout holds: run scripts/package, then plan again."
    }
  }
}

# The name changes with the content and with nothing else, and a new name is what makes a new revision.
resource "google_storage_bucket_object" "source" {
  bucket = var.bucket
  name   = "${var.function.deployed_name}-${substr(sha256(jsonencode(local.staged)), 0, 16)}.zip"
  source = data.archive_file.source.output_path
}
