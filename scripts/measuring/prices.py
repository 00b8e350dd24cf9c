"""List prices in dollars, without free quotas and discounts, as their pages had them in November 2026. For a million each."""

SOURCES = {
    "Firestore, multi-region": "https://cloud.google.com/firestore/pricing",
    "Cloud Run, tier 1, billed by request": "https://cloud.google.com/run/pricing",
    "Compute Engine, e2-standard-2": "https://cloud.google.com/compute/vm-instance-pricing",
    "internet egress, premium tier": "https://cloud.google.com/vpc/network-pricing",
}

READ = 0.60
"""Documents, in a US multi-region; a region has half of it."""
WRITE = 1.80
DELETE = 0.20

REQUEST = 0.40
EGRESS_GIB = 0.12
MACHINE_HOUR = 0.067

_VCPU_SECOND = 0.000024
_GIB_SECOND = 0.0000025
_MEMORY_GIB = 0.5
"""Of an instance: functions.yaml's default."""


def instance(seconds: float) -> float:
    """A million times so many seconds of an instance with one CPU."""
    return seconds * 1e6 * (_VCPU_SECOND + _MEMORY_GIB * _GIB_SECOND)
