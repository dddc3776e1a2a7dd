"""Moving facility agents: a real net-snmp snmpd per UPS, PDU, cooling unit, ATS and environment unit of an estate."""

from lab.facility.service import control, start, status, stop

__all__ = ["control", "start", "status", "stop"]
