# shellcheck shell=bash
# The server of scripts/bench: an nginx of its own that answers at once, so that
# what is measured is the client. Sourced, never run; `work` is the directory of
# the benchmark's files.

: "${work:=}"
server_pid=
port=

require_package() {
    local tool=$1 package=$2
    # Debian keeps servers where only root's PATH looks.
    PATH=$PATH:/usr/sbin:/usr/local/sbin
    has "$tool" && return 0
    install_debian_packages "$package" && has "$tool" && return 0
    fail "$tool is missing; install it, on Debian and Ubuntu: apt-get install $package"
}

write_server_configuration() {
    mkdir -p "$work/nginx"
    {
        open_nginx_settings
        cat <<CONFIGURATION
    server {
        listen 127.0.0.1:$port backlog=4096;
        location = /oauth/token {
            default_type application/json;
            return 200 '{"access_token":"bench","token_type":"Bearer","expires_in":3600,"scope":"contact:write"}';
        }
        location = /bench-status { stub_status; }
        location / { return 204; }
    }
}
CONFIGURATION
    } >"$work/nginx/nginx.conf"
}

# Prints "connections requests" accepted since the start; fails where nobody answers.
server_totals() {
    local line
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
    printf 'GET /bench-status HTTP/1.0\r\n\r\n' >&3
    while read -r line <&3; do
        if [[ $line =~ ^\ *([0-9]+)\ [0-9]+\ ([0-9]+) ]]; then
            printf '%s %s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
            break
        fi
    done
    exec 3>&-
    [[ ${BASH_REMATCH[1]:-} ]]
}

start_server() {
    local attempt wait_round
    for ((attempt = 0; attempt < 10; attempt++)); do
        # Below the range that the kernel gives to outgoing connections.
        port=$((20000 + RANDOM % 10000))
        write_server_configuration
        nginx -p "$work/nginx" -c "$work/nginx/nginx.conf" 2>"$work/nginx/start.log" &
        server_pid=$!
        for ((wait_round = 0; wait_round < 50; wait_round++)); do
            kill -0 "$server_pid" 2>/dev/null || break
            if server_totals >/dev/null 2>&1; then
                return 0
            fi
            sleep 0.1
        done
        stop_server
    done
    fail "nginx doesn't start: $(tail -n 2 "$work/nginx/start.log")"
}

stop_server() {
    [ -n "$server_pid" ] || return 0
    kill -TERM "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=
}
