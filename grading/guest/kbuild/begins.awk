# begins.awk SOURCE: prints which header of ahead.sh a source in C may begin with; nothing where there is none.
#
# Where linux/module.h is among the first things that it includes, it may as well come first: the kernel's headers
# may be included in any order, as long as nothing else stands before them. What they would notice is pr_fmt()
# (include/linux/printk.h), so there is a header for the tag that the contract asks for.
BEGIN { kind = "plain" }
{
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ")
	if (inside) {
		if (!sub(/^([^*]|\*+[^*\/])*\*+\//, "")) next
		inside = 0
		gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ")
	}
	sub(/\/\/.*/, "")
	if (sub(/\/\*.*/, "")) inside = 1
	gsub(/[ \t\r]+/, " ")
	sub(/^ /, "")
	sub(/ $/, "")
	sub(/^# /, "#")
}
/^$/ { next }
/^#include ?<linux\/module\.h>$/ { print kind; exit }
/^#include ?<(linux|asm)\/[a-z0-9_\/-]+\.h>$/ { last = $0; next }
last == "" && /^#define pr_fmt\(fmt\) "\[container_monitor\] " fmt$/ { kind = "tagged"; last = $0; next }
{ exit }
