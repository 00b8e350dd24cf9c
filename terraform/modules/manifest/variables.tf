variable "text" {
  description = "functions.yaml, as it is: file(\"../functions.yaml\")."
  type        = string
}

variable "shape" {
  description = "What is deployed: \"functions\" (each by itself) or \"service\" (all of them in one Cloud Run service)."
  type        = string

  validation {
    condition     = contains(["functions", "service"], var.shape)
    error_message = "The shape is \"functions\" or \"service\"."
  }
}

variable "most_instances" {
  description = "No function has more instances than these. Null leaves it to the manifest."
  type        = number
  default     = null
}

variable "max_connections" {
  description = "The connections that PostgreSQL takes: its flag max_connections."
  type        = number
}

variable "reserve" {
  description = "Those of them that are left to migrations, backups and people."
  type        = number
}
