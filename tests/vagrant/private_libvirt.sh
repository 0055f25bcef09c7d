#!/bin/sh
# A libvirtd that nobody else sees: runs as process 1 of a PID namespace, in network and
# mount namespaces of its own, until it is killed; everything it started goes with it.
#
#   unshare --net --mount --pid --fork --kill-child --mount-proc sh private_libvirt.sh FOLDER
#
# FOLDER is empty; its daemons keep their state there, and FOLDER/ready appears at the end.
set -eu
folder=$1
ip link set lo up

# No /dev/kvm here: where it opens but cannot run a guest, libvirt would ask QEMU what it can
# do again before every step, which takes four seconds each.
mkdir "$folder/dev"
mount -t tmpfs -o mode=755 tmpfs "$folder/dev"
cd "$folder/dev"
mkdir pts shm net
for node in null:1:3:666 zero:1:5:666 full:1:7:666 random:1:8:666 urandom:1:9:666 tty:5:0:666 net/tun:10:200:666; do
    IFS=: read -r name major minor mode <<NODE
$node
NODE
    mknod -m "$mode" "$name" c "$major" "$minor"
done
ln -s /proc/self/fd fd
ln -s pts/ptmx ptmx
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts pts
mount -t tmpfs tmpfs shm
cd /
mount --move "$folder/dev" /dev

# Folders of a libvirt that the host may have are covered by empty ones.
for place in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /run/libvirt /run/lock /run/systemd; do
    mkdir -p "$folder$place" "$place"
    mount --bind "$folder$place" "$place"
done
ln -s /run/libvirt/libvirtd.pid "$folder/libvirtd.pid"
cat >/etc/libvirt/qemu.conf <<'CONF'
user = "root"
group = "root"
namespaces = []
security_driver = "none"
cgroup_controllers = []
CONF
cat >/etc/libvirt/libvirtd.conf <<'CONF'
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
log_outputs = "3:stderr"
CONF
virtlogd -d
libvirtd &
# As process 1 we also wait for what others leave behind.
tries=0
until virsh -q -c qemu:///system list >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || exit 1
    sleep 0.1
done
: >"$folder/ready"
while :; do
    wait || :
    sleep 3600 &
done
