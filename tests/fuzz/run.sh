#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs libFuzzer targets: run.sh SECONDS SOURCE-FOLDER TARGET... Each works for so long from its corpus in the tree (or from the seeds
# that its replay program writes) in a folder beside the target, where what it found stays for the next run. `make fuzz` calls this.
set -eu
if [ "$1" = --one ]; then
	seconds=$2 src=$3 target=$4
	name=${target##*/fuzz_}
	runs=${target%/*}/runs/$name
	mkdir -p "$runs/corpus" "$runs/seeds" "$runs/crashes"
	if [ -d "$src/tests/fuzz/corpus/$name" ]; then
		seeds=$src/tests/fuzz/corpus/$name
	else
		seeds=$runs/seeds
		"${target%/*}/replay_$name" --write "$seeds" || { echo "FAIL $name: no seeds"; exit 255; }
	fi
	"$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$runs/crashes/" "$runs/corpus" "$seeds" > "$runs/log" 2>&1 || {
		echo "FAIL $name: $runs/log, input in $runs/crashes"
		tail -30 "$runs/log"
		exit 255
	}
	echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$runs/log") inputs in $seconds s, no finding"
	exit 0
fi
seconds=$1 src=$2
shift 2
[ $# -gt 0 ] || { echo "no target: configure with --enable-fuzzing and clang" >&2; exit 1; }
printf '%s\n' "$@" | xargs -n 1 -P "$(nproc)" "$0" --one "$seconds" "$src"
