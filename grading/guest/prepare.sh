#!/bin/sh
# prepare.sh BASE POOL COUNT PORT: run from the tools' disk in the guest whose state is saved for all graded ones.
# It makes COUNT root file systems of BASE ready in POOL, and builds a module and a program once, so that what
# a compiler reads is in memory; some of it is read ahead. The observer is started at PORT, and waits there for the
# host's first word in each copy. Nothing of it is needed: a guest without is only slower.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$(dirname "$2")"
"$here/observer" roots "$1" "$2" "$3"

# udev's link in /dev/virtio-ports is not there in each image.
port=$(grep -lx "$4" /sys/class/virtio-ports/*/name)
exec 3<> "/dev/$(basename "$(dirname "$port")")"
setsid "$here/observer" <&3 >&3 2> /dev/null 3>&- &
exec 3>&-

[ -e "$here/kbuild/sample.c" ] || exit 0
work=$(mktemp -d)
cp "$here/kbuild/sample.c" "$work/monitor.c"
echo 'obj-m := monitor.o' > "$work/Kbuild"
sh "$here/kbuild/use.sh" "$(uname -r)" "$work"
make -s -C "/lib/modules/$(uname -r)/build" M="$work" modules > /dev/null 2>&1 || true
sh "$here/kbuild/ahead.sh" "$work" || true
for header in errno fcntl pthread sched signal stdarg stdbool stdint stdio stdlib string time unistd \
	sys/ioctl sys/mount sys/socket sys/stat sys/types sys/un sys/wait; do
	echo "#include <$header.h>"
done > "$work/program.c"
echo 'int main(void) { return 0; }' >> "$work/program.c"
gcc -O2 -Wall -pthread -o "$work/program" "$work/program.c" || true
rm -rf "$work"
