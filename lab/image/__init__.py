"""Images of lab VMs: a byte-reproducible base, and the golden overlay that the playbook leaves on it."""
