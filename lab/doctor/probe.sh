#!/bin/sh
# Looks at a lab VM from inside, as root, and prints what it sees: "@@ NAME" begins an answer,
# which lasts until the next one. It judges nothing; guest_checks.py does. It changes nothing
# either: a harmless module is loaded and taken out again, and programs run on copies in memory.
#
# Arguments: the base root file system, the engine, the monitor's folder, then the workloads.
export LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
rootfs=$1 engine=$2 monitor=$3
shift 3
release=$(uname -r)

answer() { printf '@@ %s\n' "$1"; }
contents() { cat "$1" 2>/dev/null; }
# "NAME PID PARENT" of each. The look is taken twice: one that is gone by then was only on its way.
zombies() {
    grep -ls '^State:.Z' /proc/[0-9]*/status | while read -r status; do
        awk '/^(Name|Pid|PPid):/ { printf "%s ", $2 } END { print "" }' "$status" 2>/dev/null
    done
}

answer time && date +%s.%N
answer release && printf '%s\n' "$release"
answer user && id -u
answer zombies-first && zombies

# --- headers and tools ---
build=/lib/modules/$release/build
answer headers
for file in Makefile Module.symvers include/generated/utsrelease.h; do
    [ -s "$build/$file" ] && echo "$file"
done
# Debian keeps the build's own programs in another package, behind a link.
[ -x "$build/scripts/mod/modpost" ] && echo modpost
answer headers-for && sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' "$build/include/generated/utsrelease.h" 2>/dev/null
answer gcc && gcc --version 2>/dev/null | head -n 1
answer make && make --version 2>/dev/null | head -n 1
answer python && python3 -I -S -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null

# --- modules ---
answer proc-modules && [ -e /proc/modules ] && echo yes
answer modules-disabled && contents /proc/sys/kernel/modules_disabled
answer lockdown && contents /sys/kernel/security/lockdown
answer sig-enforce && contents /sys/module/module/parameters/sig_enforce
answer efi && [ -d /sys/firmware/efi ] && echo yes
# Four bytes of attributes, then the value.
answer secure-boot
od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c 2>/dev/null | tr -d ' '
# Text search algorithms and checksums: they do nothing until somebody asks for them.
answer module-load
tried=
for module in ts_fsm ts_bm ts_kmp crc7 crc4 crc_itu_t; do
    # Not one that is there already (then it is not ours to take out), nor one of the kernel itself.
    grep -q "^$module " /proc/modules 2>/dev/null && continue
    case $(modinfo -n "$module" 2>/dev/null) in /*) ;; *) continue ;; esac
    tried=$module
    if said=$(timeout 10 modprobe "$module" 2>&1); then
        timeout 10 modprobe -r "$module"
        echo "loaded $module"
    else
        printf 'refused %s\n' "$said"
    fi
    break
done
[ -n "$tried" ] || echo "none to try"

answer monitor-loaded && grep '^monitor ' /proc/modules 2>/dev/null
answer monitor-device && [ -c /dev/container_monitor ] && stat -c %a /dev/container_monitor
answer monitor-source && [ -e "$monitor/monitor.c" ] && echo yes
answer monitor-vermagic && [ -e "$monitor/monitor.ko" ] && modinfo -F vermagic "$monitor/monitor.ko" 2>/dev/null

# --- control groups ---
answer cgroup-type && stat -f -c %T /sys/fs/cgroup 2>/dev/null
answer cgroup-controllers && contents /sys/fs/cgroup/cgroup.controllers

# --- the base root file system and the workloads ---
answer rootfs-mark && contents "$rootfs.sha256"
answer rootfs-release && contents "$rootfs/etc/alpine-release"
answer rootfs-missing
for folder in bin dev etc lib proc root sbin sys tmp usr var; do
    [ -d "$rootfs/$folder" ] || echo "$folder/"
done
[ -x "$rootfs/bin/busybox" ] || echo bin/busybox
answer rootfs-runs && timeout 10 chroot "$rootfs" /bin/busybox echo yes 2>&1
copy=$(mktemp -d /run/boxwright-doctor.XXXXXX)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/tmp"
for program in "$@"; do
    answer "workload-$program"
    if ! [ -x "$rootfs/$program" ]; then
        echo missing
        continue
    fi
    # Alone in an empty root: a program that is not static does not run there.
    cp "$rootfs/$program" "$copy/"
    case $program in
        memory_hog) arguments='1 20' ;; # ends when nobody reads its second line
        io_pulse) arguments='1 0' ;;
        *) arguments=1 ;;
    esac
    # shellcheck disable=SC2086 # arguments are words
    timeout 10 chroot "$copy" "/$program" $arguments 2>&1 | head -n 1
done

# --- the system ---
answer dmesg && dmesg 2>/dev/null | wc -l
answer dmesg-restrict && contents /proc/sys/kernel/dmesg_restrict
answer disk-free-kib && df -kP / | awk 'NR == 2 { print $4 }'
answer disk-free-inodes && df -iP / | awk 'NR == 2 { print $4 }'
answer memory-available-kib && awk '/^MemAvailable:/ { print $2 }' /proc/meminfo
answer swap && awk 'NR > 1 { print $1 }' /proc/swaps
answer zombies-last && zombies
answer engine
if [ -e "$engine" ]; then
    said=$(timeout 20 "$engine" 2>&1 </dev/null)
    printf 'status %s\n%s\n' "$?" "$said" | head -n 5
fi
answer end
