# shellcheck shell=bash disable=SC2016  # $server_port is nginx's, not the shell's
# The cases of scripts/foreign-limiters: one line of facts a case, and the piece
# of configuration that limits. Sourced, never run.
#
# Facts, separated by `|`:
#   name     what --case takes
#   program  nginx, haproxy or stand-in: who limits
#   best     how much could have been accepted in T seconds:
#            `rate R BURST` is BURST + R*T; `places N` is N*T / the mean time that
#            an accepted request took behind the limiter
#   wait     Retry-After in seconds where the log can't tell it, else `-`
#   span     seconds over which "95 % of the best" is judged
#   times    the case's length in units of --seconds: less where one second tells
#            much, more where a window's first meeting would tell everything
#   goodput  the bound, percent of the best
#   refused  the bound, percent of the requests
#   what     in words
#
# A bound other than 90 and 2 has its reason in docs/foreign-limiters.md.
foreign_cases() {
    cat <<'FACTS'
nginx-rate|nginx|rate 50 21|-|5|1|90|2|limit_req 50r/s burst=20 nodelay, 429
nginx-rate-wait|nginx|rate 50 21|-|5|1|90|2|the same, Retry-After: 1 added
nginx-rate-503|nginx|rate 50 21|-|5|1|90|2|the same without a word: nginx's default 503
nginx-rate-503-wait|nginx|rate 50 21|-|5|1|90|2|the same, 503 with Retry-After: 1
nginx-rate-delayed|nginx|rate 50 1|-|5|1|90|2|limit_req 50r/s burst=20: delays, then 429
nginx-rate-staged|nginx|rate 50 21|-|5|1|90|2|limit_req 50r/s burst=20 delay=8: at once, then delays, then 429
nginx-rate-strict|nginx|rate 50 1|-|5|1|90|2|limit_req 50r/s without a burst, 429
nginx-minute|nginx|rate 5 6|-|5|3|90|2|limit_req 300r/m burst=5 nodelay, 429
nginx-minute-503|nginx|rate 1 3|-|10|3|90|25|limit_req 60r/m burst=2 nodelay, nginx's default 503
nginx-shared|nginx|rate 50 21|-|5|1.5|90|2|four processes on limit_req 50r/s burst=20, 429
nginx-shared-wait|nginx|rate 50 21|-|5|1.5|90|2|the same with Retry-After: 1
nginx-nested|nginx|rate 20 11|-|5|1|90|2|100r/s for the client, 20r/s for the path, 429
nginx-places|nginx|places 16|-|5|0.5|90|2|limit_conn 16, 429
nginx-places-503|nginx|places 16|-|5|0.5|90|2|limit_conn 16, nginx's default 503
haproxy-rate|haproxy|rate 10 0|-|10|3|90|2|http_req_rate(10s) gt 100, 429; refused ones count
haproxy-rate-wait|haproxy|rate 10 0|10|10|3|85|2|the same, Retry-After: 10
haproxy-tarpit|haproxy|rate 10 0|-|10|3|90|6|the same, each refusal held for 2 s
haproxy-queue|haproxy|places 16|-|5|0.5|90|2|maxconn 16 and a queue: no refusals, latency
haproxy-queue-503|haproxy|places 16|-|5|0.5|90|2|maxconn 16, 503 after 20 ms in the queue
haproxy-connections|haproxy|places 16|-|5|0.5|90|2|20 new connections in 10 s, else reset; maxconn 16
penalty-box|stand-in|rate 20 0|-|10|3|65|2|200 in 10 s, else 10 s of 429, longer if asked
penalty-box-wait|stand-in|rate 20 0|-|10|3|85|2|the same with Retry-After
fill-interval|stand-in|rate 50 50|-|5|1|90|2|50 tokens put in once a second, 429 (Envoy's local limit)
four-nodes|stand-in|rate 60 60|-|5|1|90|2|four buckets of 15/s behind a round robin, 429
four-nodes-headers|stand-in|rate 20 0|-|10|3|60|2|four windows of 50 in 10 s behind a round robin, each telling its own rest
second-headers|stand-in|rate 50 0|-|5|1|90|2|50 in each second of the clock, RateLimit headers, no Retry-After
wait-of-zero|stand-in|rate 50 21|-|5|1|90|2|bucket 50/s burst 20, Retry-After: 0
clock-window|stand-in|rate 20 0|-|10|3|90|2|200 in each 10 s of the clock, Retry-After
window-headers|stand-in|rate 20 0|-|10|3|90|2|200 in each 10 s of the clock, RateLimit headers, Retry-After
FACTS
}

# nginx_http CASE ID: what the case needs at the level of http.
nginx_http() {
    case "$1" in
    nginx-minute-503) printf 'limit_req_zone $server_port zone=%s:1m rate=60r/m;\n' "$2" ;;
    nginx-minute) printf 'limit_req_zone $server_port zone=%s:1m rate=300r/m;\n' "$2" ;;
    nginx-nested)
        printf 'limit_req_zone $server_port zone=%s_client:1m rate=100r/s;\n' "$2"
        printf 'limit_req_zone $server_port zone=%s_path:1m rate=20r/s;\n' "$2"
        ;;
    nginx-places*) printf 'limit_conn_zone $server_port zone=%s:1m;\n' "$2" ;;
    *) printf 'limit_req_zone $server_port zone=%s:1m rate=50r/s;\n' "$2" ;;
    esac
}

# nginx_location CASE ID: the directives of the limited location.
nginx_location() {
    case "$1" in
    nginx-minute-503) printf 'limit_req zone=%s burst=2 nodelay;\n' "$2" ;;
    nginx-rate | nginx-shared) printf 'limit_req zone=%s burst=20 nodelay; limit_req_status 429;\n' "$2" ;;
    nginx-rate-wait | nginx-shared-wait) printf 'limit_req zone=%s burst=20 nodelay; limit_req_status 429; error_page 429 = @wait;\n' "$2" ;;
    nginx-rate-503) printf 'limit_req zone=%s burst=20 nodelay;\n' "$2" ;;
    nginx-rate-503-wait) printf 'limit_req zone=%s burst=20 nodelay; error_page 503 = @wait;\n' "$2" ;;
    nginx-rate-delayed) printf 'limit_req zone=%s burst=20; limit_req_status 429;\n' "$2" ;;
    nginx-rate-staged) printf 'limit_req zone=%s burst=20 delay=8; limit_req_status 429;\n' "$2" ;;
    nginx-rate-strict) printf 'limit_req zone=%s; limit_req_status 429;\n' "$2" ;;
    nginx-minute) printf 'limit_req zone=%s burst=5 nodelay; limit_req_status 429;\n' "$2" ;;
    nginx-nested)
        printf 'limit_req zone=%s_client burst=20 nodelay; ' "$2"
        printf 'limit_req zone=%s_path burst=10 nodelay; limit_req_status 429;\n' "$2"
        ;;
    nginx-places) printf 'limit_conn %s 16; limit_conn_status 429;\n' "$2" ;;
    nginx-places-503) printf 'limit_conn %s 16;\n' "$2" ;;
    esac
}

# The status that the added Retry-After goes with.
nginx_wait_status() {
    case "$1" in
    *-503-wait) printf '503' ;;
    *) printf '429' ;;
    esac
}

# haproxy_frontend CASE ID
haproxy_frontend() {
    case "$1" in
    haproxy-rate | haproxy-rate-wait | haproxy-tarpit)
        printf '    stick-table type ip size 1k expire 60s store http_req_rate(10s)\n'
        printf '    http-request track-sc0 src\n'
        ;;
    haproxy-connections)
        printf '    stick-table type ip size 1k expire 60s store conn_rate(10s)\n'
        printf '    tcp-request connection track-sc0 src\n'
        printf '    tcp-request connection reject if { sc_conn_rate(0) gt 20 }\n'
        ;;
    esac
    case "$1" in
    haproxy-rate) printf '    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100 }\n' ;;
    haproxy-rate-wait)
        printf '    http-request return status 429 hdr Retry-After 10 if { sc_http_req_rate(0) gt 100 }\n'
        ;;
    haproxy-tarpit)
        printf '    timeout tarpit 2s\n'
        printf '    http-request tarpit deny_status 429 if { sc_http_req_rate(0) gt 100 }\n'
        ;;
    esac
}

# haproxy_places CASE: what follows the server's address.
haproxy_places() {
    case "$1" in
    haproxy-queue | haproxy-queue-503 | haproxy-connections) printf 'maxconn 16' ;;
    esac
}

haproxy_queue_wait() {
    case "$1" in
    haproxy-queue-503) printf '20ms' ;;
    *) printf '60s' ;;
    esac
}

# How many runs load at the same time, without a word between them.
processes_of() {
    case "$1" in
    nginx-shared*) printf 4 ;;
    *) printf 1 ;;
    esac
}
