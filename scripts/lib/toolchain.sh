# shellcheck shell=sh
# What the scripts of this folder need from the machine: checked, installed where
# that is one safe step, else named together with what to do. Sourced, never run.

# The oldest compiler that takes the workspace; `rust-version` in Cargo.toml.
OLDEST_RUST_MINOR=95

say() {
    printf '%s\n' "$*" >&2
}

fail() {
    say "error: $*"
    exit 2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Prints the comment at the head of a script: its help is written once, there.
print_help_of() {
    awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$1"
}

# Installs Debian packages; returns 1 where this user or this system can't.
install_debian_packages() {
    if [ "$(id -u)" -ne 0 ] || ! has apt-get; then
        return 1
    fi
    say "installing: $*"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    # stdout belongs to the script's own data, so the installer talks on stderr.
    if ! apt-get install -y --no-install-recommends "$@" >&2; then
        # The usual reason on a fresh machine is a package list never fetched.
        apt-get update >&2 && apt-get install -y --no-install-recommends "$@" >&2
    fi
}

require_rust() {
    if ! has cargo || ! has rustc; then
        fail "cargo and rustc are missing; install Rust 1.$OLDEST_RUST_MINOR or newer (https://rustup.rs) and open a new shell"
    fi
    rust_version=$(rustc --version | awk '{ print $2 }')
    rust_major=${rust_version%%.*}
    rust_rest=${rust_version#*.}
    rust_minor=${rust_rest%%.*}
    case "$rust_major.$rust_minor" in
    *[!0-9.]* | .* | *.) fail "can't read the version of rustc from '$rust_version'" ;;
    esac
    if [ "$rust_major" -eq 1 ] && [ "$rust_minor" -lt "$OLDEST_RUST_MINOR" ]; then
        fail "rustc $rust_version is too old, 1.$OLDEST_RUST_MINOR is needed; run 'rustup update stable'"
    fi
}

# SQLite is compiled from the source that its crate brings along.
require_c_compiler() {
    if has cc || [ -n "${CC:-}" ]; then
        return 0
    fi
    install_debian_packages gcc libc6-dev && has cc && return 0
    fail "a C compiler is missing (the bundled SQLite needs one); install it, on Debian and Ubuntu: apt-get install gcc libc6-dev, on Fedora: dnf install gcc, on macOS: xcode-select --install"
}
