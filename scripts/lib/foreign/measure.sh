# shellcheck shell=bash
# The runs of scripts/foreign-limiters and what their ledgers say. Sourced, never
# run; `work` is the directory of the measurement's files.

: "${work:=}" "${root:=}" "${seconds:=}" "${sluice_binary:=}" "${PLATFORM_S:=}"
: "${limiter_pids=}"
run_pids=()

# A figure of the case's line of facts, by its place.
fact() {
    awk -F'|' -v name="$1" -v place="$2" '$1 == name { print $place }' "$work/cases"
}

# How long a case takes at the best possible pace.
length_of() {
    awk -v seconds="$seconds" -v times="$(fact "$1" 6)" 'BEGIN { printf "%d", seconds * times }'
}

# The rows that the limiter lets through in the time of a case.
rows_of() {
    local kind amount burst length
    read -r kind amount burst < <(fact "$1" 3)
    length=$(length_of "$1")
    if [ "$kind" = rate ]; then
        printf '%d' $((amount * length + ${burst:-0}))
    else
        awk -v places="$amount" -v seconds="$length" -v each="$PLATFORM_S" 'BEGIN { printf "%d", places * seconds / each }'
    fi
}

# start_runs ID CASE PORT VARIANT: every process of a measurement, each with rows
# of its own; what they print stands in ID.N.summary and ID.N.words.
start_runs() {
    local id=$1 name=$2 port=$3 variant=$4 process processes rows longest
    processes=$(processes_of "$name")
    rows=$(rows_of "$name")
    # A run that crawls is cut off: what it did until then is its figure. Several
    # are all cut off, since what the last one does alone tells of no sharing.
    longest=$(($(length_of "$name") * 3 / 2 + 10))
    [ "$processes" -eq 1 ] || longest=$(length_of "$name")
    for ((process = 1; process <= processes; process++)); do
        "$root/scripts/make-contacts" --rows "$rows" --seed "$process" |
            sed "2,\$s/^/p$process-/" >"$work/$id.$process.csv"
        SLUICE_CLIENT_ID=foreign SLUICE_CLIENT_SECRET=foreign "$sluice_binary" run "$work/$id.$process.csv" \
            --to cxone-contacts --set "base_url=http://127.0.0.1:$port" --run-dir "$work/$id.runs.$process" \
            --concurrency "$variant" --max-duration "${longest}s" \
            --output ndjson --no-progress --yes -v >"$work/$id.$process.summary" 2>"$work/$id.$process.words" &
        run_pids+=($!)
    done
}

stop_runs() {
    local pid
    for pid in "${run_pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in "${run_pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    run_pids=()
}

# run_phase KIND AT_ONCE: the cases of one kind of best, so many at a time.
run_phase() {
    local kind=$1 most=$2 id name program port pid
    while read -r id name program port; do
        [[ $(fact "$name" 3) == "$kind "* ]] || continue
        while [ "$(jobs -rp | wc -l)" -ge $((most + ${#limiter_pids[@]})) ]; do
            wait -n || true
        done
        start_runs "$id" "$name" "$port" "${id##*_}"
    done <"$work/measurements"
    for pid in "${run_pids[@]}"; do
        wait "$pid" || true
    done
    run_pids=()
}

# Few requests a second disturb nobody, so those cases run all at once; limits on
# places show only where the answers come in time.
run_all() {
    say "measuring $(wc -l <"$work/measurements") runs, about $seconds s each where the limit is kept exactly"
    run_phase rate 60
    run_phase places 3
}

# The sum over a measurement's summaries of a whole number in this object of theirs.
counted() {
    sed -n "s/.*\"$2\":{\([^}]*\)}.*/\1/p" "$work/$1".*.summary | grep -o "\"$3\":[0-9]*" |
        awk -F: '{ sum += $2 } END { print sum + 0 }'
}

# Whether the summaries and the limiter's log tell of the same rows.
books_of() {
    local id=$1 distinct=$2 updated lost summaries
    summaries=$(cat "$work/$id".*.summary | wc -l)
    updated=$(counted "$id" counts updated)
    lost=$(($(counted "$id" counts rejected) + $(counted "$id" counts unknown)))
    if [ "$summaries" -ne "$(processes_of "$3")" ]; then
        printf 'no-summary'
    elif [ "$updated" -ne "$distinct" ]; then
        printf 'differ-by-%d' $((distinct - updated))
    elif [ "$lost" -ne 0 ]; then
        printf '%d-rows-lost' "$lost"
    else
        printf 'agree'
    fi
}

# figures_of ID CASE PROGRAM: the line that ledger.awk prints, and the books.
figures_of() {
    local id=$1 name=$2 program=$3 kind amount burst line sent
    read -r kind amount burst < <(fact "$name" 3)
    settled_ledger "$id" "$program" "$(fact "$name" 4)" >"$work/$id.settled"
    # What was reset before it could be logged is known to the client alone.
    sent=$(counted "$id" requests sent)
    line=$(awk -v kind="$kind" -v rate="$amount" -v burst="${burst:-0}" -v span="$(fact "$name" 5)" \
        -v sent="$sent" -f "$root/scripts/lib/foreign/ledger.awk" "$work/$id.settled")
    printf '%s %s\n' "$line" "$(books_of "$id" "$(cut -d ' ' -f 9 <<<"$line")" "$name")"
}

# What a case missed, by the figures of its own run; empty where nothing.
verdict() {
    local least most
    least=$(fact "$1" 7)
    most=$(fact "$1" 8)
    awk -v least="$least" -v most="$most" '{
        if ($3 < least) printf " goodput below %s %%,", least
        if ($7 > most) printf " more than %s %% refused,", most
        if ($8 > 0) printf " waits undercut,"
        if ($10 > 0) printf " rows sent again,"
        if ($13 < 0.9) printf " unfair shares,"
        if ($14 != "agree") printf " books,"
    }' | sed 's/,$//'
}

print_table() {
    local id name program port missed=0 base
    printf '%-20s | %-36s | %-15s |\n' '' 'sluice run' '--concurrency 16'
    printf '%-20s | %7s %8s %5s %8s %4s | %7s %7s | %s\n' \
        case goodput refused t95 undercut fair goodput refused 'books, and what was missed'
    while read -r id name program port; do
        figures_of "$id" "$name" "$program" >"$work/$id.figures"
    done <"$work/measurements"
    while read -r id name program port; do
        [[ $id == *_auto ]] || continue
        base=$work/${id%_auto}_16.figures
        [ -r "$base" ] || base=/dev/null
        verdict "$name" <"$work/$id.figures" >"$work/$id.verdict"
        [ ! -s "$work/$id.verdict" ] || missed=1
        awk -v name="$name" -v verdict="$(cat "$work/$id.verdict")" '
            FILENAME != "-" { base = sprintf("%6.1f%% %6.2f%%", $3, $7); next }
            { printf "%-20s | %6.1f%% %7.2f%% %5s %8d %4.2f | %15s | %s%s\n", name, $3, $7, $12, $8, $13, base, $14, verdict == "" ? "" : "; MISSED:" verdict }
        ' "$base" - <"$work/$id.figures"
    done <"$work/measurements"
    return "$missed"
}
