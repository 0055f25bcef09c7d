"""Machines: running Linux VMs that take commands, of whatever kind."""
