// Loaded into the program under test (LD_PRELOAD), which stays the one that is
// shipped: kills it with SIGKILL just before, within or just after the n-th
// passage of a named point, or lets the disk be full from the n-th write on.
//
// A point is a kind of call to the system: whatever a process leaves behind, in
// a file or at its peer, goes through such calls, so between two of them one
// instant is as good as another. Environment:
//
//   KILL_POINT, KILL_MOMENT (before, within, after), KILL_PASSAGE   where to die
//   KILL_TALLY   a file for the passages of each point, written at the end
//   FULL_AT      from this write to a file of the run on, the disk is full; what
//                the loader keeps aside is free once it has removed it
//   CLOCK_JUMPS_BACK   seconds by which the wall clock is set back, soon
//   SYNCED_TO    a folder for a copy of each file as it was synced last, which is
//                what a power cut may leave of it

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum point {
    NONE = -1,
    JOURNAL_WRITE,
    JOURNAL_SYNC,
    JOURNAL_CHECKPOINT,
    BOOK_WRITE,
    BOOK_SYNC,
    AUDIT_WRITE,
    SUMMARY,
    DIRECTORY,
    SIDE_FILE,
    SPOOL_WRITE,
    INPUT_READ,
    TOKEN_REQUEST,
    TOKEN_REPLY,
    REQUEST,
    REPLY,
    POINTS
};

static const char *const NAMES[POINTS] = {
    "journal-write", "journal-sync", "journal-checkpoint", "book-write", "book-sync",
    "audit-write",   "summary",      "directory",          "side-file",  "spool-write",
    "input-read",    "token-request", "token-reply",       "request",    "reply",
};

enum moment { BEFORE, WITHIN, AFTER };
static const char *const MOMENTS[] = {"before", "within", "after"};

enum act { WRITES, SYNCS, READS, NAMES_IT };

#define MOST_FILES 4096
// The wall clock is right so often, and then set back.
#define TIMES_RIGHT 6

static atomic_ulong passed[POINTS];
static enum point wanted_point = NONE;
static enum moment wanted_moment;
static unsigned long wanted_passage;
static unsigned long full_at;
static unsigned long clock_jumps_back;
static atomic_ulong times_asked;
static atomic_ulong file_writes;
static atomic_long room_left;
static atomic_bool asks_for_token[MOST_FILES];

static unsigned long number_of(const char *name) {
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void read_wishes(void) {
    full_at = number_of("FULL_AT");
    clock_jumps_back = number_of("CLOCK_JUMPS_BACK");
    const char *point = getenv("KILL_POINT");
    const char *moment = getenv("KILL_MOMENT");
    if (!point || !moment)
        return;
    wanted_passage = number_of("KILL_PASSAGE");
    int found_moment = -1;
    for (int i = 0; i < POINTS; i++)
        if (strcmp(point, NAMES[i]) == 0)
            wanted_point = i;
    for (int i = BEFORE; i <= AFTER; i++)
        if (strcmp(moment, MOMENTS[i]) == 0)
            found_moment = i;
    if (wanted_point == NONE || found_moment < 0 || wanted_passage == 0)
        _exit(97);
    wanted_moment = found_moment;
}

__attribute__((destructor)) static void write_tally(void) {
    const char *path = getenv("KILL_TALLY");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    for (int i = 0; i < POINTS; i++)
        fprintf(file, "%s %lu\n", NAMES[i], atomic_load(&passed[i]));
    fprintf(file, "file-write %lu\n", atomic_load(&file_writes));
    fclose(file);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static unsigned long pass(enum point point) {
    return point == NONE ? 0 : atomic_fetch_add(&passed[point], 1) + 1;
}

static int is_due(enum point point, unsigned long passage, enum moment moment) {
    return point != NONE && point == wanted_point && passage == wanted_passage && moment == wanted_moment;
}

static void die_if_due(enum point point, unsigned long passage, enum moment moment) {
    if (is_due(point, passage, moment))
        die();
}

static int contains(const char *text, const char *part) { return strstr(text, part) != NULL; }

static enum point point_of_path(const char *path, enum act act) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (act == READS)
        return strcmp(name, "contacts.csv") == 0 ? INPUT_READ : NONE;
    if (strcmp(name, "journal.db-wal") == 0)
        return act == WRITES ? JOURNAL_WRITE : act == SYNCS ? JOURNAL_SYNC : JOURNAL_CHECKPOINT;
    if (contains(name, "journal.db-shm"))
        return NONE;
    if (contains(name, "journal.db"))
        return JOURNAL_CHECKPOINT;
    if (contains(name, "rejected.csv") || contains(name, "missing.csv") || contains(name, "unknown.csv"))
        return act == SYNCS ? BOOK_SYNC : BOOK_WRITE;
    if (contains(name, "audit.ndjson"))
        return AUDIT_WRITE;
    if (contains(name, "summary.json") || contains(name, "idmap.csv"))
        return SUMMARY;
    if (contains(name, "input.csv"))
        return SPOOL_WRITE;
    if (contains(name, ".reserve") || contains(name, "progress.json") || contains(name, "limits."))
        return SIDE_FILE;
    if (contains(name, "manifest.json") || contains(path, "/runs/") || strncmp(path, "runs", 4) == 0)
        return DIRECTORY;
    // A folder that is synced to make the names in it last.
    return act == SYNCS ? DIRECTORY : NONE;
}

static int is_internet_socket(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_INET;
}

static int path_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    path[length > 0 ? length : 0] = '\0';
    return path[0] == '/';
}

static enum point point_of_file(int fd, enum act act) {
    char path[4096];
    return path_of(fd, path, sizeof path) ? point_of_path(path, act) : NONE;
}

static enum point point_of_sending(int fd, const void *bytes, size_t count) {
    static const char TOKEN[] = "POST /oauth/token";
    int for_token = count > sizeof TOKEN && memcmp(bytes, TOKEN, sizeof TOKEN - 1) == 0;
    if (fd >= 0 && fd < MOST_FILES)
        atomic_store(&asks_for_token[fd], for_token);
    return for_token ? TOKEN_REQUEST : REQUEST;
}

static enum point point_of_hearing(int fd) {
    return fd >= 0 && fd < MOST_FILES && atomic_load(&asks_for_token[fd]) ? TOKEN_REPLY : REPLY;
}

// Whether the disk has no room for these bytes.
static int is_full(enum point point, size_t count) {
    if (point == NONE || atomic_fetch_add(&file_writes, 1) + 1 < full_at || !full_at)
        return 0;
    if (atomic_load(&room_left) < (long)count)
        return 1;
    atomic_fetch_sub(&room_left, (long)count);
    return 0;
}

#define REAL(name)                                       \
    static __typeof__(&name) real;                       \
    if (!real)                                           \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// A call that puts bytes somewhere; `HALF` does it with half of them.
#define PUT(POINT, CALL, HALF)                           \
    enum point point = POINT;                            \
    unsigned long passage = pass(point);                 \
    die_if_due(point, passage, BEFORE);                  \
    if (is_due(point, passage, WITHIN)) {                \
        (void)!HALF;                                     \
        die();                                           \
    }                                                    \
    ssize_t result = CALL;                               \
    die_if_due(point, passage, AFTER);                   \
    return result

static void keep_as_synced(int fd) {
    static atomic_ulong copies;
    const char *folder = getenv("SYNCED_TO");
    char path[4096], copy[4200], named[4200], bytes[65536];
    if (!folder || !path_of(fd, path, sizeof path) || point_of_path(path, SYNCS) == DIRECTORY)
        return;
    REAL(write);
    const char *name = strrchr(path, '/') + 1;
    snprintf(copy, sizeof copy, "%s/.%lu", folder, atomic_fetch_add(&copies, 1));
    snprintf(named, sizeof named, "%s/%s", folder, name);
    int from = open(path, O_RDONLY), to = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    off_t at = 0;
    for (ssize_t got; (got = pread(from, bytes, sizeof bytes, at)) > 0; at += got)
        if (real(to, bytes, (size_t)got) != got)
            _exit(98);
    close(from);
    close(to);
    syscall(SYS_rename, copy, named);
}

// A call that happens or doesn't.
#define CHANGE(POINT, CALL, THEN)                        \
    enum point point = POINT;                            \
    unsigned long passage = pass(point);                 \
    die_if_due(point, passage, BEFORE);                  \
    int result = CALL;                                   \
    if (result == 0)                                     \
        THEN;                                            \
    die_if_due(point, passage, AFTER);                   \
    return result

#define REFUSE_IF_FULL(POINT, COUNT)                     \
    if (is_full(POINT, COUNT)) {                         \
        errno = ENOSPC;                                  \
        return -1;                                       \
    }

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    enum point file = point_of_file(fd, WRITES);
    REFUSE_IF_FULL(file, count)
    PUT(file, real(fd, bytes, count), real(fd, bytes, count / 2));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    REAL(pwrite);
    enum point file = point_of_file(fd, WRITES);
    REFUSE_IF_FULL(file, count)
    PUT(file, real(fd, bytes, count, at), real(fd, bytes, count / 2, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    REAL(pwrite64);
    enum point file = point_of_file(fd, WRITES);
    REFUSE_IF_FULL(file, count)
    PUT(file, real(fd, bytes, count, at), real(fd, bytes, count / 2, at));
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    REAL(send);
    if (!is_internet_socket(fd))
        return real(fd, bytes, count, flags);
    PUT(point_of_sending(fd, bytes, count), real(fd, bytes, count, flags), real(fd, bytes, count / 2, flags));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    if (count == 0 || !is_internet_socket(fd))
        return real(fd, parts, count);
    struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};
    PUT(point_of_sending(fd, parts[0].iov_base, parts[0].iov_len), real(fd, parts, count), real(fd, &half, 1));
}

ssize_t recv(int fd, void *bytes, size_t count, int flags) {
    REAL(recv);
    ssize_t heard = real(fd, bytes, count, flags);
    int cause = errno;
    if (heard > 0 && is_internet_socket(fd)) {
        enum point point = point_of_hearing(fd);
        die_if_due(point, pass(point), AFTER);
    }
    errno = cause;
    return heard;
}

ssize_t read(int fd, void *bytes, size_t count) {
    REAL(read);
    ssize_t got = real(fd, bytes, count);
    int cause = errno;
    enum point point = point_of_file(fd, READS);
    die_if_due(point, pass(point), AFTER);
    errno = cause;
    return got;
}

int fsync(int fd) {
    REAL(fsync);
    CHANGE(point_of_file(fd, SYNCS), real(fd), keep_as_synced(fd));
}

int fdatasync(int fd) {
    REAL(fdatasync);
    CHANGE(point_of_file(fd, SYNCS), real(fd), keep_as_synced(fd));
}

int ftruncate(int fd, off_t length) {
    REAL(ftruncate);
    CHANGE(point_of_file(fd, NAMES_IT), real(fd, length), (void)0);
}

int ftruncate64(int fd, off64_t length) {
    REAL(ftruncate64);
    CHANGE(point_of_file(fd, NAMES_IT), real(fd, length), (void)0);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    CHANGE(point_of_path(to, NAMES_IT), real(from, to), (void)0);
}

int unlink(const char *path) {
    REAL(unlink);
    if (full_at && contains(path, ".reserve")) {
        struct stat file;
        if (stat(path, &file) == 0)
            atomic_fetch_add(&room_left, (long)file.st_size);
    }
    CHANGE(point_of_path(path, NAMES_IT), real(path), (void)0);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    CHANGE(point_of_path(path, NAMES_IT), real(path, mode), (void)0);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    REAL(clock_gettime);
    int result = real(clock, time);
    if (clock_jumps_back && clock == CLOCK_REALTIME && atomic_fetch_add(&times_asked, 1) >= TIMES_RIGHT)
        time->tv_sec -= (time_t)clock_jumps_back;
    return result;
}
