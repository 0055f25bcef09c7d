#!/bin/sh
# record.sh OUT: builds sample.c beside it in a clean guest and writes down in OUT what is the same for
# every module: kbuild's questions to the compiler with its answers, and the object that it adds to each.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
kernel=/lib/modules/$(uname -r)/build
questions=$kernel/scripts/Makefile.compiler
mkdir -p "$out"
[ -e "$questions" ] || exit 0

work=$(mktemp -d)
cp "$questions" "$work/before"
cp -p "$here/sample.c" "$work/sample.c"
echo 'obj-m := sample.o' > "$work/Kbuild"
sed "s#@OUT@#$work/answers#" "$here/record.mk" > "$work/record.mk"
stamp=$(stat -c %Y "$questions")
cat "$work/record.mk" >> "$questions"
# Without the kernel's own debugging information, as in a graded guest (use.sh), kbuild asks for none of the module.
[ ! -e "$kernel/vmlinux" ] || mv "$kernel/vmlinux" "$kernel/vmlinux.away"
make -s -C "$kernel" M="$work" modules
[ ! -e "$kernel/vmlinux.away" ] || mv "$kernel/vmlinux.away" "$kernel/vmlinux"
cat "$work/before" > "$questions"
touch -d "@$stamp" "$questions"

# In the form that known.mk reads: a variable for each question.
sort -u "$work/answers" | sed 's/\$/$$/g; s/#/\\#/g' > "$out/answers.mk"
if [ -e "$work/.module-common.o" ]; then
	cp "$work/.module-common.o" "$out/common.o"
	sed "s#$work#@FOLDER@#g" "$work/..module-common.o.cmd" > "$out/common.cmd"
fi

# What must be the same where the answers are used.
compiler=$(sed -n 's/^\(saved\)*cmd_.* := *\([^ ]*\) .*/\2/p' "$work/.sample.o.cmd" | head -n 1)
for path in "$(command -v "$compiler")" "$("$compiler" -print-prog-name=cc1)" \
	"$(command -v "$("$compiler" -print-prog-name=as)")" "$(command -v "$("$compiler" -print-prog-name=ld)")" \
	"$questions" "$kernel/.config"; do
	echo "$path"
done > "$out/paths"
xargs stat -L -c '%n %s %Y' < "$out/paths" > "$out/state"
for name in use.sh known.mk ahead.sh ahead.mk begins.awk sample.c; do
	cp "$here/$name" "$out"
done
