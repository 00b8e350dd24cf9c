# One network. Instances reach PostgreSQL through it by direct egress, and Google's APIs and mail servers without it.

resource "google_compute_network" "main" {
  name                    = "sealpost"
  auto_create_subnetworks = false
  routing_mode            = "REGIONAL"

  depends_on = [google_project_service.this]
}

resource "google_compute_subnetwork" "run" {
  name                     = "run"
  network                  = google_compute_network.main.id
  region                   = var.region
  ip_cidr_range            = "10.8.0.0/20" # direct egress takes two addresses an instance, and keeps them for 20 minutes: room for 2,000
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# Instances speak to PostgreSQL and to nothing else inside; nobody speaks to them but Cloud Run.
resource "google_compute_firewall" "postgres" {
  name               = "sealpost-to-postgres"
  network            = google_compute_network.main.id
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = ["${google_compute_global_address.services.address}/${google_compute_global_address.services.prefix_length}"]

  allow {
    protocol = "tcp"
    ports    = ["3307"] # the connector's; 5432 stays shut
  }
}

resource "google_compute_firewall" "nothing_else" {
  name               = "sealpost-to-nothing-else"
  network            = google_compute_network.main.id
  direction          = "EGRESS"
  priority           = 65000
  destination_ranges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]

  deny {
    protocol = "all"
  }
}

# The range in which Google places Cloud SQL.
resource "google_compute_global_address" "services" {
  name          = "sealpost-services"
  network       = google_compute_network.main.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  address       = "10.16.0.0"
  prefix_length = 20
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.main.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
  deletion_policy         = "ABANDON" # Google frees the range days after the last instance is gone; the network goes with it
}
