# One measurement's ledger, in the order of arrival, to one line of figures.
#
# In:   arrival, end, time behind the limiter, status, connection, Retry-After, key
# Vars: kind (rate or places), rate, burst, span, sent (requests by the client's count)
# Out:  requests accepted goodput% 429s 503s other refused% undercuts distinct repeated
#       seconds seconds-to-95% fairness
#
# Fairness is Jain's index over the processes, by the first part of their keys, in
# the second half of the run: 1 where all got the same, 1/n where one got all.
#
# A wait is undercut by a request that arrives before it is over, unless it was
# on its way already when the client read of the wait: TRAVEL_S is given for that.

BEGIN { TRAVEL_S = 0.1; CONVFMT = "%.6f" }

NR == 1 { first = $1 }

{
    requests++
    # A process knows only what it was told itself.
    process = $7
    sub(/-.*/, "", process)
    # Waits end in the order in which they are said only where they are all alike.
    while (over[process] < said[process] && waits_until[process, over[process] + 1] < $1) over[process]++
    for (i = over[process] + 1; i <= said[process]; i++)
        if ($1 > said_at[process, i] + TRAVEL_S && $1 < waits_until[process, i]) { undercuts++; break }
    if ($4 ~ /^2/) {
        accepted++
        if (keys[$7]++) repeated++; else distinct++
        behind += $3
        second[int($2 - first)]++
        if ($2 > last) last = $2
        owner[accepted] = process
    } else if ($4 == 429 || $4 == 503) {
        refused[$4]++
        if ($6 ~ /^[0-9]/ && $6 > 0) {
            said[process]++
            said_at[process, said[process]] = $2
            waits_until[process, said[process]] = $2 + $6
        }
    } else other++
}

END {
    if (sent > requests) { other += sent - requests; requests = sent }
    if (!accepted) { print requests + 0, 0, 0, refused[429] + 0, refused[503] + 0, other + 0, 100, 0, 0, 0, 0, "never", 0; exit }
    seconds = last - first
    if (kind == "places") { rate = rate / (behind / accepted); burst = 0 }
    best = burst + rate * seconds
    # From when on the mean is 95 % of what the limiter allows.
    reached = "never"
    count = 0
    for (start = int(seconds); start >= 0; start--) {
        count += second[start]
        if (seconds - start >= span && count >= 0.95 * rate * (seconds - start)) reached = start
    }
    for (i = int(accepted / 2); i <= accepted; i++) got[owner[i]]++
    for (i in got) { sum += got[i]; squares += got[i] ^ 2; processes++ }
    printf "%d %d %.1f %d %d %d %.2f %d %d %d %.1f %s %.3f\n", requests, accepted, 100 * accepted / best, \
        refused[429], refused[503], other, 100 * (requests - accepted) / requests, undercuts, distinct, repeated, \
        seconds, reached, sum ^ 2 / (processes * squares)
}
