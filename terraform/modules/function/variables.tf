variable "function" {
  description = "One of the manifest's functions, as modules/manifest gives it."
  type = object({
    name              = string
    summary           = string
    kind              = string
    deployed_name     = string
    caller_account_id = string
    route             = string
    event             = string
    document          = string
    cron              = string
    time_zone         = string
    database_role     = string
    secrets           = set(string)
    rotates           = set(string)
    roles             = set(string)
    cpu               = number
    memory            = string
    concurrency       = number
    min_instances     = number
    max_instances     = number
    timeout_seconds   = number
    pool              = number
    environment       = map(string)
  })
}

variable "account" {
  description = "The service account that the function runs as, and no other does. It is made apart, because the database knows it before the function is there."
  type        = object({ name = string, email = string, member = string })
}

variable "python" {
  description = "The deployed Python, such as 3.11."
  type        = string
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where the function runs."
  type        = string
}

variable "firestore_location" {
  description = "Where the Firestore database is: its events come from there. A region or a multi-region."
  type        = string
}

variable "firestore_database" {
  description = "The name of the Firestore database whose events they are."
  type        = string
}

variable "checkout" {
  description = "The folder of functions.yaml, which the staging is compared with."
  type        = string
}

variable "bucket" {
  description = "The name of the bucket that the sources are uploaded to."
  type        = string
}

variable "builder" {
  description = "The service account that builds, as projects/PROJECT/serviceAccounts/EMAIL."
  type        = string
}

variable "repository" {
  description = "The id of the repository of Artifact Registry that its image is put into."
  type        = string
}

variable "environment" {
  description = "What every function reads from its environment (common/settings.py)."
  type        = map(string)
}

variable "secrets" {
  description = "The id of each secret in Secret Manager, by the name that the manifest calls it. Null is a secret that this deployment has none of."
  type        = map(string)

  validation {
    condition     = length(setsubtract(setunion(var.function.secrets, var.function.rotates), keys(var.secrets))) == 0
    error_message = "${var.function.name} asks for a secret that this deployment does not know: ${join(", ", setsubtract(setunion(var.function.secrets, var.function.rotates), keys(var.secrets)))}."
  }
}

variable "database" {
  description = "The Cloud SQL instance (PROJECT:REGION:NAME) and the database in it."
  type        = object({ instance = string, name = string })
}

variable "network" {
  description = "The VPC network and subnetwork that lead to the database."
  type        = object({ network = string, subnetwork = string })
}
