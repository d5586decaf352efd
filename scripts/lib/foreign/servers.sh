# shellcheck shell=bash
# The limiters of scripts/foreign-limiters: one nginx, one HAProxy and one program
# of stand-ins, each with a port of its own for every measurement, so that none
# meets what another has used up. Sourced, never run; `work` is the directory of
# the measurement's files, `measurements` its list.

: "${work:=}" "${root:=}" "${platform_port:=}"
limiter_pids=()

# The platform behind the limiters takes this long for a change.
PLATFORM_S=0.05
TOKEN_REPLY='{"access_token":"foreign","token_type":"Bearer","expires_in":3600,"scope":"contact:write"}'

require_package() {
    local tool=$1 package=$2
    # Debian keeps servers where only root's PATH looks.
    PATH=$PATH:/usr/sbin:/usr/local/sbin
    has "$tool" && return 0
    install_debian_packages "$package" && has "$tool" && return 0
    fail "$tool is missing; install it, on Debian and Ubuntu: apt-get install $package"
}

# nginx alone can wait before it answers only with this module, which Debian's
# nginx-light brings along.
echo_module() {
    local folder
    for folder in /usr/lib/nginx/modules /usr/lib64/nginx/modules; do
        if [ -r "$folder/ngx_http_echo_module.so" ]; then
            printf '%s' "$folder/ngx_http_echo_module.so"
            return 0
        fi
    done
    return 1
}

nginx_server() {
    local id=$1 name=$2 port=$3
    nginx_http "$name" "$id"
    cat <<SERVER
server {
    listen 127.0.0.1:$port;
    location = /oauth/token { default_type application/json; return 200 '$TOKEN_REPLY'; }
    # An answer from here is logged here: the log of / doesn't reach it.
    location @wait { access_log $work/$id.ledger ledger; add_header Retry-After 1 always; return $(nginx_wait_status "$name"); }
    location / {
        access_log $work/$id.ledger ledger;
        $(nginx_location "$name" "$id")
        proxy_pass http://platform;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    }
}
SERVER
}

write_nginx_configuration() {
    local module id name port program
    module=$(echo_module) || fail "nginx's echo module is missing; install it, on Debian and Ubuntu: apt-get install libnginx-mod-http-echo"
    mkdir -p "$work/nginx"
    {
        echo "load_module $module;"
        open_nginx_settings
        cat <<HEAD
    # End, whole time, time behind the limiter, status, connection, Retry-After, path.
    log_format ledger '\$msec \$request_time \$upstream_response_time \$status \$connection \$sent_http_retry_after \$uri';
    upstream platform { server unix:$work/platform.sock; keepalive 256; }
    server {
        listen unix:$work/platform.sock;
        listen 127.0.0.1:$platform_port;
        location / { echo_sleep $PLATFORM_S; echo '{}'; }
        location = /oauth/token { default_type application/json; return 200 '$TOKEN_REPLY'; }
    }
HEAD
        while read -r id name program port; do
            [ "$program" != nginx ] || nginx_server "$id" "$name" "$port"
        done <"$work/measurements"
        printf '}\n'
    } >"$work/nginx/nginx.conf"
}

haproxy_sections() {
    local id=$1 name=$2 port=$3
    cat <<SECTIONS
frontend $id
    bind 127.0.0.1:$port
    # HAProxy's own times are the connection's; these are the request's.
    http-request set-var(txn.second) date
    http-request set-var(txn.microsecond) date_us
    log-format "$id %[var(txn.second)] %[var(txn.microsecond)] %Ta %Tr %ST %cp %HP"
    use_backend token if { path /oauth/token }
$(haproxy_frontend "$name")
    default_backend platform-$id
backend platform-$id
    timeout queue $(haproxy_queue_wait "$name")
    server platform 127.0.0.1:$platform_port $(haproxy_places "$name")
SECTIONS
}

write_haproxy_configuration() {
    local id name port program
    {
        cat <<HEAD
global
    maxconn 4096
    nbthread 1
    log stdout format raw local0
defaults
    mode http
    log global
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
backend token
    server platform 127.0.0.1:$platform_port
HEAD
        while read -r id name program port; do
            [ "$program" != haproxy ] || haproxy_sections "$id" "$name" "$port"
        done <"$work/measurements"
    } >"$work/haproxy.cfg"
}

# start_limiter NAME COMMAND...
start_limiter() {
    local name=$1
    shift
    "$@" >"$work/$name.output" 2>"$work/$name.errors" &
    limiter_pids+=($!)
}

answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

await_ports() {
    local deadline=$((SECONDS + 15)) port
    for port in "$@"; do
        until answers "$port"; do
            [ "$SECONDS" -lt "$deadline" ] || {
                tail -qn 3 "$work"/*.errors >&2
                fail "nothing listens on port $port"
            }
            sleep 0.1
        done
    done
}

# A port below the range that the kernel gives to outgoing connections, free now.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        if ! answers "$port" && ! grep -qw -- "$port" "$work/ports"; then
            printf '%s\n' "$port" >>"$work/ports"
            printf '%s' "$port"
            return
        fi
    done
}

start_limiters() {
    write_nginx_configuration
    start_limiter nginx nginx -p "$work/nginx" -c "$work/nginx/nginx.conf"
    if grep -q ' haproxy ' "$work/measurements"; then
        write_haproxy_configuration
        start_limiter haproxy haproxy -db -f "$work/haproxy.cfg"
    fi
    local id name program port ports=("$platform_port")
    while read -r id name program port; do
        ports+=("$port")
        if [ "$program" = stand-in ]; then
            start_limiter "$id" python3 "$root/scripts/lib/foreign/stand_in.py" "$name" "$port" "$work/$id.ledger"
        fi
    done <"$work/measurements"
    await_ports "${ports[@]}"
}

stop_limiters() {
    local pid
    for pid in "${limiter_pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in "${limiter_pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    limiter_pids=()
}

# One ledger a measurement, whoever wrote it: arrival, end, time behind the
# limiter, status, connection, Retry-After, key; in the order of arrival.
settled_ledger() {
    local id=$1 program=$2 wait=$3
    case "$program" in
    nginx | stand-in)
        awk '{ sub(/.*\//, "", $7); print $1 - $2, $1, $3, $4, $5, $6, $7 }' OFMT=%.6f CONVFMT=%.6f "$work/$id.ledger"
        ;;
    haproxy)
        awk -v id="$id" -v wait="$wait" '$1 == id && $8 ~ /contacts/ {
            arrived = $2 + $3 / 1e6
            sub(/.*\//, "", $8)
            printf "%.6f %.6f %s %s %s %s %s\n", arrived, arrived + $4 / 1000, $5 / 1000, $6, $7, ($6 == 429 || $6 == 503) ? wait : "-", $8
        }' "$work/haproxy.output"
        ;;
    esac | sort -n
}
