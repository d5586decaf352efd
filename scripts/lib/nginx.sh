# nginx as a server of tests: what its configuration begins with, whatever it serves.

# Prints the settings of a server that keeps to "$work/nginx", up to and into
# its http block, which the caller ends. The directory must be there.
open_nginx_settings() {
    # A worker that has given up root must not meet a directory that only root may enter.
    local user_line=
    [ "$(id -u)" -ne 0 ] || user_line='user root;'
    cat <<SETTINGS
daemon off;
$user_line
worker_processes 1;
pid $work/nginx/nginx.pid;
error_log $work/nginx/error.log crit;
events { worker_connections 8192; }
http {
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 3600s;
    # A connection is never closed by the server, so what is opened is the client's choice.
    keepalive_requests 1000000000;
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
SETTINGS
}
