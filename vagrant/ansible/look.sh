#!/bin/sh
# What the playbook must know of the host, a "name=value" a line; run by sh as root.
# shellcheck source=/dev/null
. /etc/os-release
echo "distribution=$ID"
echo "machine=$(uname -m)"
echo "kernel=$(uname -r)"
echo "rootfs=$(cat "${rootfs:?}.sha256" 2>/dev/null)"
echo "swap=$(swapon --show=NAME --noheadings | tr '\n' ' ')"
# shellcheck disable=SC2016  # dpkg-query's own variables
echo "packages=$(dpkg-query --show --showformat '${db:Status-Status}:${Package} ' | tr ' ' '\n' | sed -n 's/^installed://p' | tr '\n' ' ')"
