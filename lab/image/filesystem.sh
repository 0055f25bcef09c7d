#!/bin/sh
# Turns a tar of the guest's root file system, on standard input, into an ext4 in the open
# file 3. Runs in a mount namespace of its own (and, for an ordinary user, in a user namespace
# where the guest's owners exist), so the unpacked tree is in memory and leaves nothing behind.
#
# Arguments: an empty folder, the file system's UUID, its size.
# E2FSPROGS_FAKE_TIME is the time in it.
set -eu
mount -t tmpfs -o mode=0755 tmpfs "$1"
mkdir "$1/tree"
# Device nodes cannot be made in a user namespace, and the kernel makes them at boot.
tar -x -C "$1/tree" --numeric-owner --delay-directory-restore --exclude './dev/*'
truncate -s "$3" /proc/self/fd/3
# The inode tables and the journal are written now, so that no kernel does it at each first mount.
mkfs.ext4 -q -F \
    -L boxwright \
    -U "$2" \
    -m 0 \
    -N 131072 \
    -J size=16 \
    -E "hash_seed=$2,lazy_itable_init=0,lazy_journal_init=0" \
    -d "$1/tree" \
    /proc/self/fd/3
