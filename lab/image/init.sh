#!/bin/sh
# Process 1 of the initrd: loads the drivers of a virtual machine, sets the network, mounts
# the root file system, puts the lab's files into it and hands over to the guest's systemd.
# Everything is known in advance, so nothing is probed: that is what makes it fast.
#
# Kernel arguments: root=DEVICE (default /dev/vda); boxwright.net=none leaves the network alone.
umask 077
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys

fail() {
    echo "boxwright initrd: $*" >/dev/kmsg
    exit 1 # the kernel panics without process 1, and the host sees that at once
}

root=/dev/vda net=static
read -r arguments </proc/cmdline
for word in $arguments; do
    case $word in
        root=/dev/*) root=${word#root=} ;;
        boxwright.net=*) net=${word#boxwright.net=} ;;
    esac
done

# Nodes of modules that are loaded when somebody opens them (kmod-static-nodes.service elsewhere).
mknod -m 660 /dev/loop-control c 10 237
mknod -m 666 /dev/fuse c 10 229
mkdir -m 755 /dev/net
mknod -m 666 /dev/net/tun c 10 200

while read -r module; do
    insmod "/modules/$module" || echo "boxwright initrd: $module was not loaded" >/dev/kmsg
done </modules/order

if [ "$net" = static ]; then
    # What QEMU's user network hands out by DHCP, known beforehand (qemu(1), -netdev user).
    ip link set lo up
    if [ -e /sys/class/net/eth0 ]; then
        ip address add 10.0.2.15/24 dev eth0
        ip link set eth0 up
        ip route add default via 10.0.2.2
    fi
fi

tries=0
until [ -b "$root" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 200 ] || fail "there is no disk $root"
    sleep 0.05
done
mount -t ext4 -o rw,noatime "$root" /new || fail "$root could not be mounted"

# Per-lab files, such as the SSH keys, ride in a second archive behind this one. Folders
# that the root file system has keep their modes; new ones are for root only.
if [ -d /boxwright/root ]; then
    cd /boxwright/root || fail "the lab's files cannot be read"
    find . -type f | while read -r file; do
        mkdir -p "/new/${file%/*}" && cp -p "$file" "/new/$file" || echo "boxwright initrd: $file was not copied" >/dev/kmsg
    done
    cd /
fi

mount --move /dev /new/dev
umount /sys
umount /proc
exec switch_root /new /sbin/init
