# Firebase Authentication (Identity Platform) proves addresses, by links alone. Only our functions make users.

resource "google_identity_platform_config" "main" {
  authorized_domains = [local.host, "${var.project}.firebaseapp.com"]

  sign_in {
    allow_duplicate_emails = false

    anonymous {
      enabled = false
    }

    email {
      enabled           = true
      password_required = false # links
    }

    phone_number {
      enabled = false
    }
  }

  client {
    permissions {
      disabled_user_signup   = true
      disabled_user_deletion = true
    }
  }

  depends_on = [google_project_service.this]
}

# Known to every client, as Firebase's keys are: it names the project, and opens nothing by itself.
resource "google_apikeys_key" "client" {
  name         = "sealpost-client"
  display_name = "Sealpost's clients and functions"

  restrictions {
    api_targets {
      service = "identitytoolkit.googleapis.com"
    }
    api_targets {
      service = "securetoken.googleapis.com"
    }
    api_targets {
      service = "firestore.googleapis.com"
    }
  }

  depends_on = [google_project_service.this]
}
