"""The power and cooling of a site from the estate alone: loads and ratings as written, never what is drawn just now."""

from inventory.facility.losses import PowerLoss, Redundancy, power_losses, powered, redundancy, single_corded

__all__ = ["PowerLoss", "Redundancy", "power_losses", "powered", "redundancy", "single_corded"]
