variable "project" {
  description = "The id of the Google Cloud project. One project holds one environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Give the project's id (lower-case letters, digits and hyphens), not its name or number."
  }
}

variable "environment" {
  description = "\"prod\" fails over, keeps longer and refuses to be deleted; \"dev\" does without, and costs less."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "The environment is \"dev\" or \"prod\"."
  }
}

variable "region" {
  description = "Where everything runs and is stored."
  type        = string
}

variable "firestore_location" {
  description = "Where Firestore stands: the region, or a multi-region that contains it (eur3, nam5). It can never be changed."
  type        = string

  validation {
    condition = lookup({
      eur3 = contains(["europe-west1", "europe-west4"], var.region)
      nam5 = contains(["us-central1", "us-east1"], var.region)
      nam7 = contains(["us-central1", "us-east4"], var.region)
    }, var.firestore_location, var.firestore_location == var.region)
    error_message = "Events come from Firestore's location: give the region itself, or eur3 with europe-west1 or europe-west4, nam5 with us-central1 or us-east1, nam7 with us-central1 or us-east4."
  }
}

variable "shape" {
  description = "\"functions\": each function is a service of its own. \"service\": all of them are one, from the suite's image."
  type        = string

  validation {
    condition     = contains(["functions", "service"], var.shape)
    error_message = "The shape is \"functions\" or \"service\"."
  }
}

variable "domain" {
  description = "The name that clients use, such as chat.example.com, which leads to a load balancer. Without one, the one service is reached at its own run.app address."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain is a host name in lower case, without https:// and without a slash."
  }

  validation {
    condition     = var.domain != null || var.shape == "service"
    error_message = "Functions by themselves have an address each, but tokens are made for one: give the domain, or take shape = \"service\"."
  }
}

variable "image" {
  description = "The suite's image by its digest, as scripts/deploy has built it."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest (...@sha256:...): a tag may mean another image tomorrow."
  }
}

variable "checkout" {
  description = "The folder of functions.yaml and the sources, with what scripts/package has staged in build/functions."
  type        = string
  default     = ".."
}

variable "postgres_tier" {
  description = "The machine of PostgreSQL, db-custom-CPUS-MEBIBYTES. Its memory says how many connections it takes: one for each 16 MiB."
  type        = string

  validation {
    condition     = can(regex("^db-custom-[0-9]+-[0-9]+$", var.postgres_tier))
    error_message = "Give a machine of PostgreSQL by its CPUs and its memory in MiB, such as db-custom-2-7680."
  }
}

variable "most_instances" {
  description = "No function has more instances than these, whatever functions.yaml says. Null leaves it to that."
  type        = number
  default     = null
}

variable "former_grants" {
  description = "The database roles of the deployment that is being replaced, which it keeps until the rest is applied. scripts/deploy says them."
  type        = map(list(string))
  default     = {}
}

variable "postgres_users" {
  description = "The users that PostgreSQL has already. scripts/deploy says them."
  type        = list(string)
  default     = []
}

variable "postgres_reserve" {
  description = "Connections that are left to migrations, backups and people."
  type        = number
  default     = 20
}

variable "read_replicas" {
  description = "How many read replicas PostgreSQL has. They serve reports and a disaster, not the functions."
  type        = number
  default     = 0

  validation {
    condition     = var.read_replicas >= 0 && var.read_replicas <= 8 && floor(var.read_replicas) == var.read_replicas
    error_message = "The number of read replicas is a whole one from 0 to 8."
  }
}

variable "smtp" {
  description = "Whether sign-in links are mailed through an SMTP server, whose URL is a secret. Otherwise Identity Toolkit mails its own."
  type        = bool
  default     = false
}

variable "mail_from" {
  description = "The sender of sign-in links that go through SMTP."
  type        = string
  default     = null

  validation {
    condition     = !var.smtp || can(regex("@", var.mail_from))
    error_message = "With smtp = true, say in mail_from whose name the mail bears: \"Sealpost <no-reply@example.com>\"."
  }
}

variable "firestore_database" {
  description = "The Firestore database that is served. A restored one is named restored-... and made before it is filled (restored)."
  type        = string
  default     = "(default)"

  validation {
    condition     = can(regex("^(\\(default\\)|restored-[a-z0-9-]{0,53}[a-z0-9])$", var.firestore_database))
    error_message = "The Firestore database is \"(default)\", or one that was restored: restored-2026-11-22."
  }
}

variable "postgres_database" {
  description = "The PostgreSQL database that is served. A restored one is made by the job restore."
  type        = string
  default     = "sealpost"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.postgres_database))
    error_message = "The PostgreSQL database is \"sealpost\", or one that was restored: restored_2026_11_22."
  }
}

variable "restored" {
  description = "Firestore databases that backups are restored into, with rules, indexes and expiry before any document. What is no longer named, and not served, is deleted."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.restored : can(regex("^restored-[a-z0-9-]{0,53}[a-z0-9]$", name))])
    error_message = "A restored Firestore database is named restored-..., such as restored-2026-11-22."
  }
}

variable "backup_days" {
  description = "How many days a backup is kept. In production nobody can delete it sooner, and the number can only be raised."
  type        = number

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 3650 && floor(var.backup_days) == var.backup_days
    error_message = "Say in whole days how long backups are kept, from 1 to 3650."
  }
}
