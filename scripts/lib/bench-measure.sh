# shellcheck shell=bash
# Measuring for scripts/bench: one run of a program to one line of samples, and
# the samples to a table with the ratios that the goals name. Sourced, never run;
# `work` is the directory of the benchmark's files.

: "${work:=}"

program_pid=

# The goals, as docs and scripts quote them; a ratio on the wrong side is marked.
GOAL_OF_BARE_REQWEST=0.85
GOAL_OF_GUIDE_A=1.7
GOAL_OF_GUIDE_A_CPU=0.5
GOAL_OF_FASTHTTP=1.2
GOAL_OF_FASTHTTP_CPU=1.0
GOAL_PEAK_MB=64

require_gnu_time() {
    # Not the shell's keyword: only GNU time tells the peak of the memory.
    time_binary=$(type -P time || true)
    if [ -z "$time_binary" ] && install_debian_packages time; then
        time_binary=$(type -P time || true)
    fi
    if [ -z "$time_binary" ] || ! "$time_binary" -f %M true >/dev/null 2>&1; then
        fail "GNU time is missing; install it, on Debian and Ubuntu: apt-get install time"
    fi
}

stop_program() {
    [ -n "$program_pid" ] || return 0
    # The program is the only child of GNU time, which passes no signal on.
    local child
    child=$(cat "/proc/$program_pid/task/$program_pid/children" 2>/dev/null || true)
    if [ -n "${child// /}" ]; then
        kill -TERM "${child// /}" 2>/dev/null || true
    fi
    wait "$program_pid" 2>/dev/null || true
    program_pid=
}

# measure NAME ROWS COMMAND...: one line in samples.tsv
# (name, rows/s, CPU µs/row, peak MB, connections, requests, rows); of a run that
# failed or left rows out only the name, in `failed`: its figures mean nothing.
measure() {
    local name=$1 count=$2
    shift 2
    local before after status=0 started_ns ended_ns
    before=$(server_totals)
    started_ns=$(date +%s%N)
    "$time_binary" -o "$work/usage" -f 'usage %U %S %M' "$@" >"$work/output" 2>"$work/errors" &
    program_pid=$!
    wait "$program_pid" || status=$?
    program_pid=
    ended_ns=$(date +%s%N)
    after=$(server_totals)

    local line
    line=$(awk -v name="$name" -v count="$count" -v before="$before" -v after="$after" \
        -v started_ns="$started_ns" -v ended_ns="$ended_ns" '
        $1 == "usage" {
            split(before, old, " ")
            split(after, new, " ")
            # Less the connection and the request that asked for the totals.
            connections = new[1] - old[1] - 1
            requests = new[2] - old[2] - 1
            printf "%s\t%.0f\t%.1f\t%.1f\t%d\t%d\t%d\n", name, count / ((ended_ns - started_ns) / 1e9), \
                ($2 + $3) * 1e6 / count, $4 / 1024, connections, requests, count
        }' "$work/usage")
    local requests
    requests=$(printf '%s' "$line" | cut -f 6)
    if [ "$status" -ne 0 ] || [ "${requests:-0}" -lt "$count" ]; then
        say "failed: $name ended with $status after ${requests:-0} of $count requests; its last words:"
        tail -qn 5 "$work/errors" "$work/output" >&2
        printf '%s\n' "$name" >>"$work/failed"
        return 0
    fi
    printf '%s\n' "$line" >>"$work/samples.tsv"
    printf '%s\n' "$line" | awk -F'\t' '{ printf "  %-14s %8d rows/s  %6.1f us/row  %6.1f MB\n", $1, $2, $3, $4 }' >&2
}

# Prints the median of one column of the samples of one program; nothing without samples.
median() {
    awk -F'\t' -v name="$1" -v column="$2" '$1 == name { print $column }' "$work/samples.tsv" |
        sort -n | awk '{ value[NR] = $1 }
            END { if (NR) print (value[int((NR + 1) / 2)] + value[int((NR + 2) / 2)]) / 2 }'
}

has_failed() {
    grep -qxF -- "$1" "$work/failed"
}

# Prints the name with the highest median rows/s among those that begin so.
best_of() {
    local prefix=$1 name
    shift
    for name in "$@"; do
        if [[ $name == "$prefix"* ]] && ! has_failed "$name"; then
            printf '%s\t%s\n' "$(median "$name" 2)" "$name"
        fi
    done | sort -rn | head -n 1 | cut -f 2
}

# ratio TEXT VALUE BASE at-least|at-most GOAL
ratio() {
    awk -v text="$1" -v value="$2" -v base="$3" -v side="$4" -v goal="$5" 'BEGIN {
        if (value == "" || base == "" || base == 0) exit
        quotient = value / base
        met = side == "at-least" ? quotient >= goal : quotient <= goal
        printf "%-52s %6.2f   goal %s %s   %s\n", text, quotient, side, goal, met ? "met" : "MISSED"
    }'
}

summarise() {
    local name
    printf '%-14s %10s %12s %9s %12s\n' program rows/s 'CPU us/row' 'peak MB' connections
    for name in "$@"; do
        if has_failed "$name"; then
            printf '%-14s %10s\n' "$name" failed
            continue
        fi
        awk -v name="$name" -v speed="$(median "$name" 2)" -v cpu="$(median "$name" 3)" -v peak="$(median "$name" 4)" \
            -v connections="$(median "$name" 5)" \
            'BEGIN { printf "%-14s %10.0f %12.1f %9.1f %12.0f\n", name, speed, cpu, peak, connections }'
    done

    local sluice bare guide fasthttp
    bare=$(best_of bare "$@")
    guide=$(best_of guide-a "$@")
    fasthttp=$(best_of fasthttp "$@")
    printf '\n'
    for sluice in "$@"; do
        if [[ $sluice != sluice-* ]] || has_failed "$sluice"; then
            continue
        fi
        local speed cpu
        speed=$(median "$sluice" 2)
        cpu=$(median "$sluice" 3)
        if [ -n "$bare" ]; then
            ratio "$sluice / $bare, rows/s" "$speed" "$(median "$bare" 2)" at-least $GOAL_OF_BARE_REQWEST
        fi
        if [ -n "$guide" ]; then
            ratio "$sluice / $guide, rows/s" "$speed" "$(median "$guide" 2)" at-least $GOAL_OF_GUIDE_A
            ratio "$sluice / $guide, CPU per row" "$cpu" "$(median "$guide" 3)" at-most $GOAL_OF_GUIDE_A_CPU
        fi
        if [ -n "$fasthttp" ]; then
            ratio "$sluice / $fasthttp, rows/s" "$speed" "$(median "$fasthttp" 2)" at-least $GOAL_OF_FASTHTTP
            ratio "$sluice / $fasthttp, CPU per row" "$cpu" "$(median "$fasthttp" 3)" at-most $GOAL_OF_FASTHTTP_CPU
        fi
        ratio "$sluice, peak MB" "$(median "$sluice" 4)" 1 at-most $GOAL_PEAK_MB
    done
}

summarise_memory() {
    awk -F'\t' -v goal="$GOAL_PEAK_MB" '{
        printf "%9d rows: peak %6.1f MB (goal %d: %s), %d rows/s, %.1f us CPU a row\n", \
            $7, $4, goal, $4 <= goal ? "met" : "MISSED", $2, $3
    }' "$work/samples.tsv"
}
