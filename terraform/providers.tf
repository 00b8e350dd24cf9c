terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.0"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.8"
    }
  }

  backend "gcs" {} # scripts/bootstrap makes the bucket, scripts/deploy names it
}

provider "google" {
  project = var.project
  region  = var.region

  # Some APIs (API keys, Identity Platform, Firebase rules) refuse a person's own credentials unless a project is named
  # that pays for the call.
  billing_project       = var.project
  user_project_override = true

  default_labels = {
    app         = "sealpost"
    environment = var.environment
  }
}

data "google_project" "this" {
  project_id = var.project
}

locals {
  production = var.environment == "prod"
  number     = data.google_project.this.number
}
