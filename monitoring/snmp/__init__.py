"""The bulk-poll path: an SNMP manager that only reads (v2c, v3 authPriv), every reply checked."""
