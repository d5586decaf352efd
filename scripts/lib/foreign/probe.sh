# shellcheck shell=bash
# What `sluice probe` makes of the limiters of scripts/foreign-limiters, beside
# what they are set to. Sourced, never run.

: "${work:=}" "${sluice_binary:=}" "${limiter_pids=}"
run_pids=()

# Facts, separated by `|`: case, kind, requests a second, at once (a bucket's burst,
# a window's quota or a cap), all as the configuration says; `-` where there is none.
probe_truths() {
    cat <<'FACTS'
nginx-rate|token_bucket|50|21
nginx-rate-wait|token_bucket|50|21
nginx-rate-503|token_bucket|50|21
nginx-rate-503-wait|token_bucket|50|21
nginx-rate-strict|token_bucket|50|1
nginx-minute|token_bucket|5|6
nginx-places|concurrency_cap|-|16
nginx-places-503|concurrency_cap|-|16
haproxy-rate|sliding_window|10|100
FACTS
}

# The lines of foreign_cases whose truth is known.
probed_cases() {
    local name rest
    while IFS='|' read -r name rest; do
        if probe_truths | grep -q "^$name|"; then printf '%s|%s\n' "$name" "$rest"; fi
    done
}

# start_probe ID PORT: what it prints stands in ID.finding and ID.words.
start_probe() {
    SLUICE_CLIENT_ID=foreign SLUICE_CLIENT_SECRET=foreign "$sluice_binary" probe \
        --to cxone-contacts --set "base_url=http://127.0.0.1:$2" --run-dir "$work/$1.runs" \
        --output json --no-progress >"$work/$1.finding" 2>"$work/$1.words" &
    run_pids+=($!)
}

# A few at a time: what the machine does to the replies' times must not look like a limit.
run_probes() {
    local id port pid
    say "probing $(wc -l <"$work/measurements") limiters, some minutes in all"
    while read -r id _ _ port; do
        while [ "$(jobs -rp | wc -l)" -ge $((2 + ${#limiter_pids[@]})) ]; do
            wait -n || true
        done
        start_probe "$id" "$port"
    done <"$work/measurements"
    for pid in "${run_pids[@]}"; do
        wait "$pid" || true
    done
    run_pids=()
}

# A field of a finding, `-` where it is none.
finding() {
    local value
    value=$(sed -n "s/^  \"$2\": \"\\{0,1\\}\\([^\",]*\\)\"\\{0,1\\},\\{0,1\\}$/\\1/p" "$work/$1.finding")
    case "$value" in
    '' | null) printf -- '-' ;;
    *) printf '%s' "$value" ;;
    esac
}

# worth_of TRUE_KIND TRUE_RATE TRUE_BURST KIND RATE BURST: the rate within 5 %, what goes
# at once within 10 %, or by one where it is small.
worth_of() {
    awk -v true_kind="$1" -v true_rate="$2" -v true_burst="$3" -v kind="$4" -v rate="$5" -v burst="$6" '
        function near(value, truth, off, by) {
            if (truth == "-") return 1
            if (value == "-") return 0
            return value >= truth * (1 - off) - by && value <= truth * (1 + off) + by
        }
        BEGIN {
            if (kind == "-") print "FAILED"
            else if (kind == "not_sure") print "not sure"
            else if (kind == true_kind && near(rate, true_rate, 0.05, 0) && near(burst, true_burst, 0.10, true_burst < 25 ? 1 : 0)) print "right"
            else print "WRONG"
        }'
}

print_probes() {
    local id name true_kind true_rate true_burst kind at_once worth missed=0
    printf '%-20s | %-34s | %-34s |\n' '' 'as configured' 'sluice probe'
    printf '%-20s | %-16s %8s %8s | %-16s %8s %8s | %8s %8s %8s  %s\n' \
        case kind rate 'at once' kind rate 'at once' requests refused seconds verdict
    while read -r id name _; do
        IFS='|' read -r _ true_kind true_rate true_burst < <(probe_truths | grep "^$name|")
        kind=$(finding "$id" kind)
        at_once=$(finding "$id" burst)
        [ "$kind" != concurrency_cap ] || at_once=$(finding "$id" concurrency_cap)
        worth=$(worth_of "$true_kind" "$true_rate" "$true_burst" "$kind" "$(finding "$id" rate_per_s)" "$at_once")
        case "$worth" in WRONG | FAILED) missed=1 ;; esac
        printf '%-20s | %-16s %8s %8s | %-16s %8s %8s | %8s %8s %8s  %s\n' "$name" \
            "$true_kind" "$true_rate" "$true_burst" "$kind" "$(finding "$id" rate_per_s)" "$at_once" \
            "$(finding "$id" requests)" "$(finding "$id" throttled)" "$(finding "$id" elapsed_s)" "$worth"
        [ "$worth" != FAILED ] || tail -n 3 "$work/$id.words" >&2
    done <"$work/measurements"
    return "$missed"
}
