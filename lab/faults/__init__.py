"""Faults that the lab can make on purpose, one file each."""

from lab.faults.catalogue import LabFault, active, book, break_fault, mend_fault

__all__ = ["LabFault", "active", "book", "break_fault", "mend_fault"]
