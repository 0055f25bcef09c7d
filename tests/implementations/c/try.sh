#!/bin/sh
# Build this engine and monitor in a lab VM and try what matters most; run as root, in
# this folder. Prints a line for each thing that is wrong, and the number of things tried.
#   ./try.sh [ROUNDS]    the whole of it so many times (default 1)
# shellcheck disable=SC2016 # conditions are handed over unexpanded, and evaluated until they hold
# shellcheck disable=SC2009,SC2012 # ps for the state of processes, ls for a count in /proc
set -u
base=/srv/boxwright/rootfs-base
work=/srv/engine-c-try
engine=$PWD/engine/engine
tried=0
wrong=0
supervisor=

is() { # NAME EXPECTED ACTUAL
	tried=$((tried + 1))
	[ "$2" = "$3" ] && return
	wrong=$((wrong + 1))
	printf 'WRONG %s: expected <%s>, not <%s>\n' "$1" "$2" "$3"
}

has() { # NAME PATTERN TEXT
	tried=$((tried + 1))
	printf '%s\n' "$3" | grep -Eq -- "$2" && return
	wrong=$((wrong + 1))
	printf 'WRONG %s: no </%s/> in <%s>\n' "$1" "$2" "$3"
}

await() { # NAME COMMAND: until it succeeds, a minute at most
	end=$(($(date +%s) + 60))
	until eval "$2" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $end ] || { is "$1" true "never true: $2"; return; }
		sleep 0.05
	done
	tried=$((tried + 1))
}

row() { "$engine" ps | grep "^$1 "; }
cell() { row "$1" | awk -v n="$2" '{ print $n }'; } # 2 PID, 3 state, 8 exit, 9 reason, 10 ended by
status() { "$@" >/tmp/try.out 2>/tmp/try.err; echo $?; }

up() {
	"$engine" supervisor $base >/tmp/try.supervisor 2>&1 &
	supervisor=$!
	await 'the supervisor answers' '"$engine" ps'
}

down() {
	kill -TERM "$supervisor"
	wait "$supervisor"
	is 'the supervisor ends with' 0 $?
	is 'its socket is removed' 1 "$(status test -e /run/engine-c/socket)"
	has 'it said nothing but that it is ready' '^engine: supervisor [0-9]+ ready.*$' "$(cat /tmp/try.supervisor)"
	is 'lines it said' 1 "$(wc -l </tmp/try.supervisor)"
}

try_client() {
	is 'no command' 125 "$(status "$engine")"
	has 'usage' '^usage:' "$(cat /tmp/try.err)"
	is 'no such command' 125 "$(status "$engine" frob)"
	for id in ../x '' .x a/b 'a b' 12345678901234567890123456789012 -- ä; do
		is "the id <$id>" 125 "$(status "$engine" start -- "$id" $work/a true)"
		has 'it says why' 'engine: ' "$(cat /tmp/try.err)"
	done
	is 'the longest id' 0 "$(status "$engine" run 1234567890123456789012345678901 $work/a true)"
	is 'soft above hard' 125 "$(status "$engine" start x $work/a true --soft-mib 9 --hard-mib 8)"
	is 'no such rootfs' 125 "$(status "$engine" start x /nowhere true)"
	is 'the root of the host' 125 "$(status "$engine" start x / true)"
	is 'nobody to stop' 125 "$(status "$engine" stop nobody)"
	is 'nobody to log' 125 "$(status "$engine" logs nobody)"
	is 'no such program' 127 "$(status "$engine" start x $work/a /no/such)"
	is 'no such name' 127 "$(status "$engine" run x $work/a nosuch)"
	is 'a folder' 126 "$(status "$engine" run x $work/a /etc)"
	is 'a text' 126 "$(status "$engine" start x $work/a /etc/passwd)"
	is 'no record of it' '' "$(row x)"
	"$engine" run args $work/a sh -c 'for a; do printf "<%s>" "$a"; done' x 'two  words' '' -z --nice=3 "'\"\\" -- --nice 5
	is 'arguments' "<two  words><><-z><'\"\\><--><--nice><5>" "$("$engine" logs args)"
	is 'an option among them' 3 "$(cell args 7)"
	"$engine" --help >/dev/null; "$engine" run split $work/a "printf '%s|' 'a  b' c\\ d \"e'f\""
	is 'a quoted command' "a  b|c d|e'f|" "$("$engine" logs split)"
	(cd $work && "$engine" run rel a --soft-mib 5 --hard-mib 6 pwd)
	is 'a relative rootfs' / "$("$engine" logs rel)"
	has 'limits' ' 5 +6 +0 +0 +exited +- +/var/log/engine-c/rel.log$' "$(row rel)"
}

try_isolation() {
	before=$(cat /proc/self/mountinfo /proc/sys/kernel/hostname; ls /proc/$supervisor/fd /proc/$supervisor/task | wc -l)
	"$engine" run box $work/a sh -c 'echo $$; hostname; ls -d /proc/[0-9]* | wc -l; ls -id / /.. /../..; ls /proc/self/fd | wc -l
		grep -E "SigIgn|SigBlk|CapEff|NoNewPrivs" /proc/self/status; readlink /proc/self/fd/0; cat /proc/self/cgroup; nice
		echo x >/proc/sys/kernel/domainname || echo closed' --nice 7
	is 'what it sees' '1' "$("$engine" logs box | head -1)"
	has 'hostname' '^box$' "$("$engine" logs box)"
	is 'one root' 1 "$("$engine" logs box | grep -E '/(\.\.)?$|/\.\./\.\.$' | awk '$2 ~ /^\// { print $1 }' | sort -u | wc -l)"
	has 'capabilities' 'CapEff:.00000000800425fb' "$("$engine" logs box)"
	has 'signals' 'SigIgn:.0000000000000000' "$("$engine" logs box)"
	has 'cgroup' '/engine-c/box-' "$("$engine" logs box)"
	has '/proc/sys is closed' '^closed$' "$("$engine" logs box)"
	is 'the host is as before' "$before" "$(cat /proc/self/mountinfo /proc/sys/kernel/hostname; ls /proc/$supervisor/fd /proc/$supervisor/task | wc -l)"
	"$engine" start owner $work/a sleep 1000
	ln -sfn $work/a $work/link
	for path in $work/a $work/link $work/b/../a $work/a/ $work/./a $work/a/usr $work; do
		is "the same rootfs as $path" 125 "$(status "$engine" start guest "$path" true)"
	done
	is 'the same id' 125 "$(status "$engine" start owner $work/b true)"
	for kind in pid mnt uts ipc; do
		is "its own $kind" 1 "$(status test "$(readlink /proc/self/ns/$kind)" = "$(readlink "/proc/$(cell owner 2)/ns/$kind")")"
	done
	is 'stop' 0 "$(status "$engine" stop owner)"
	is 'the id again' 0 "$(status "$engine" run owner $work/link echo new)"
	is 'its new log' new "$("$engine" logs owner)"
	is 'its record' 1 "$(row owner | wc -l)"
}

try_ends() {
	is 'an exit code' 7 "$(status "$engine" run seven $work/a sh -c 'exit 7')"
	is 'its record' '7 exited -' "$(cell seven 8) $(cell seven 9) $(cell seven 10)"
	is 'a fault' 139 "$(status "$engine" run fault $work/a /fault)"
	is 'its record' 'signal:11 exited -' "$(cell fault 8) $(cell fault 9) $(cell fault 10)"
	"$engine" start polite $work/a sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done'
	"$engine" start deaf $work/b sleep 1000
	await 'it is up' '"$engine" logs polite | grep up'
	is 'stop' 0 "$(status "$engine" stop polite)"
	is 'by TERM' '3 stopped SIGTERM' "$(cell polite 8) $(cell polite 9) $(cell polite 10)"
	is 'stop' 0 "$(status "$engine" stop deaf)"
	is 'by KILL' 'signal:9 stopped SIGKILL' "$(cell deaf 8) $(cell deaf 9) $(cell deaf 10)"
	"$engine" start victim $work/a sh -c 'printf "no newline"; exec sleep 1000'
	await 'it has written' '"$engine" logs victim | grep newline'
	kill -9 "$(cell victim 2)"
	await 'it is recorded' '[ "$(cell victim 3)" = exited ]'
	is 'killed from outside' 'signal:9 killed -' "$(cell victim 8) $(cell victim 9) $(cell victim 10)"
	is 'its last line' 'no newline' "$("$engine" logs victim)"
	for signal in INT TERM; do
		"$engine" run "front$signal" $work/a sh -c 'trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.1; done' &
		run=$!
		await 'it is up' '"$engine" logs front$signal | grep up'
		kill -$signal $run
		wait $run
		is "run after SIG$signal" 5 $?
		is 'its record' '5 stopped SIGTERM' "$(cell "front$signal" 8) $(cell "front$signal" 9) $(cell "front$signal" 10)"
	done
	for i in 1 2 3 4 5 6 7 8 9 10; do "$engine" run "q$i" $work/a sh -c "sleep 0.01 & exit $i"; is 'a quick end' $i $?; done
	is 'zombies' '' "$(ps -o stat=,comm= --ppid "$supervisor" | grep ^Z)"
}

try_logs() {
	head -c 5000000 /dev/urandom >$work/a/blob
	is 'five megabytes' 0 "$(status "$engine" run big $work/a cat /blob)"
	"$engine" logs big | cmp - $work/a/blob
	is 'byte for byte' 0 $?
	"$engine" run both $work/a sh -c 'i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done'
	is 'in order' "$(i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i; i=$((i + 1)); done | md5sum)" "$("$engine" logs both | md5sum)"
	"$engine" start noisy $work/a sh -c 'while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done'
	is 'another one beside it' 0 "$(status "$engine" run calm $work/b echo fine)"
	is 'its log' fine "$("$engine" logs calm)"
	"$engine" stop noisy >/dev/null
	is 'one line, a million times' 1 "$(head -n -1 /var/log/engine-c/noisy.log | sort -u | wc -l)"
}

try_memory() {
	dmesg -C
	insmod kernel/monitor.ko || { is 'insmod' 0 1; return; }
	"$engine" start warned $work/a /memory_hog 16 100000 --soft-mib 10 --hard-mib 60
	"$engine" start greedy $work/b /memory_hog 4 50 --soft-mib 10 --hard-mib 30
	"$engine" start family $work/c sh -c '/memory_hog 4 50 & /memory_hog 4 50 & wait' --soft-mib 10 --hard-mib 30
	await 'greedy has ended' '[ "$(cell greedy 3)" = exited ]'
	await 'family has ended' '[ "$(cell family 3)" = exited ]'
	await 'warned is warned' 'dmesg | grep "SOFT LIMIT container=warned"'
	is 'greedy' 'signal:9 hard_limit_killed -' "$(cell greedy 8) $(cell greedy 9) $(cell greedy 10)"
	is 'family' 'signal:9 hard_limit_killed -' "$(cell family 8) $(cell family 9) $(cell family 10)"
	is 'warned lives' running "$(cell warned 3)"
	is 'rmmod while it lives' 1 "$(status rmmod monitor)"
	kill -9 "$(cell warned 2)"
	await 'warned has ended' '[ "$(cell warned 3)" = exited ]'
	is 'not by the limit' killed "$(cell warned 9)"
	for id in greedy family; do
		is "the log of $id" 'Registering SOFT HARD' "$(dmesg -t | sed -n "s/^\[container_monitor\] \([A-Za-z]*\).* container=$id pid=$(cell $id 2) .*/\1/p" | tr '\n' ' ' | sed 's/ $//')"
	done
	is 'rmmod' 0 "$(status rmmod monitor)"
	is 'complaints of the kernel' '' "$(dmesg | grep -E 'BUG|WARN|Oops|Call Trace|RCU|rcu:')"
}

try_shutdown() {
	"$engine" start back $work/a sh -c 'trap "echo last words; exit 0" TERM; echo up; while :; do sleep 0.1; done'
	"$engine" run front $work/b sh -c 'trap "echo last words; exit 6" TERM; echo up; while :; do sleep 0.1; done' &
	run=$!
	await 'both are up' '"$engine" logs back | grep up && "$engine" logs front | grep up'
	is 'a second supervisor' 125 "$(status "$engine" supervisor $base)"
	down
	wait $run
	is 'run is told' 6 $?
	is 'last words' 'up last words up last words' "$(cat /var/log/engine-c/back.log /var/log/engine-c/front.log | tr '\n' ' ' | sed 's/ $//')"
	is 'no supervisor' 125 "$(status "$engine" ps)"
	up
	"$engine" start orphan $work/a su nobody -s /bin/sh -c 'sleep 1001 & exec sleep 1002'
	"$engine" start orphan2 $work/b sleep 1002
	await 'it sleeps' 'test $(pgrep -c -f "sleep 100[12]") -ge 3'
	kill -9 "$supervisor"
	wait "$supervisor"
	up
	await 'nothing outlives a killed supervisor' '! pgrep -f "sleep 100[12]"'
	is 'it takes over' 0 "$(status "$engine" run again $work/a true)"
	down
	await 'no keeper is left' '! pgrep -f engine-keeper && ! pgrep -x engine'
	is 'no cgroup is left' 1 "$(status test -e /sys/fs/cgroup/engine-c)"
}

said=$(make 2>&1) || { echo "$said"; exit 1; }
is 'warnings of the compilers' '' "$(printf '%s\n' "$said" | grep -i warning | grep -v -i -E 'skipping btf|compiler differs|module verification')"
rm -rf $work
mkdir $work
for name in a b c; do cp -a $base $work/$name && cp workloads/cpu_hog workloads/memory_hog workloads/io_pulse $work/$name/; done
echo 'int main(void) { *(volatile int *)0 = 1; }' | cc -x c -static -o $work/a/fault -
round=0
while [ $round -lt "${1:-1}" ]; do
	round=$((round + 1))
	up
	try_client
	try_isolation
	try_ends
	try_logs
	try_memory
	try_shutdown
	echo "round $round: $tried tried, $wrong wrong"
done
rm -rf $work
[ $wrong = 0 ]
