#!/bin/sh
# ahead.sh FOLDER: reads linux/module.h ahead, which is most of what a compiler does for a module, as the module
# `monitor` that was built in FOLDER would: with its very command, that is. A compiler for which anything differs
# reads the header as ever ("Using Precompiled Headers" in GCC's manual). ahead.mk has them used.
set -eu
folder=$1
out=/srv/boxwright-kbuild
mkdir -p "$out"
cd "/lib/modules/$(uname -r)/build"

# read_ahead NAME OBJECT LINE: with a line before it, as the object would.
read_ahead() {
	for line in '#include <linux/kconfig.h>' '#include <linux/compiler_types.h>' "$3" '#include <linux/module.h>'; do
		echo "$line"
	done > "$out/$1.h"
	command=$(sed -n '1s/^[a-z]*cmd_[^ ]* := *//p' "$folder/.$2.o.cmd" |
		sed 's# -c -o .*##; s#-Wp,-MMD,[^ ]*##; s#-include [^ ]*/compiler-version\.h##')
	eval "$command -x c-header -o $out/$1.h.new $out/$1.h"
	mv "$out/$1.h.new" "$out/$1.h.gch"
}
read_ahead plain monitor '' &
read_ahead part monitor.mod '' &
wait
read_ahead tagged monitor '#define pr_fmt(fmt) "[container_monitor] " fmt'
