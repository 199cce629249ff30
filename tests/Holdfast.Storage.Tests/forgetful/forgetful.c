/* A disk that forgets what was not synced. Preloaded into a process, it notes for every change under FORGETFUL_DATA how to undo it, in the folder
 * FORGETFUL_UNDO, until the file (for its content) or the folder (for its names) is synced. Whoever kills the process then undoes what is noted.
 *
 *   <inode>.undo   records of: old size, offset, length (8 bytes each), the bytes that stood there; to be undone from the last to the first
 *   names.undo     lines, likewise: "made <path>", or "gone <path>" whose file is kept as gone.<line's number>
 *
 * It does not see mmap (SQLite's -shm, which is not durable state), renames and torn writes. With FORGETFUL_FAIL naming a file that exists, a sync fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 65536 };

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);

static const char *data, *undo, *fail;
static size_t data_length;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char is_file[MOST_FILES], is_folder[MOST_FILES];
static long names;

__attribute__((constructor)) static void begin(void)
{
    real_open = dlsym(RTLD_NEXT, "open");
    real_openat = dlsym(RTLD_NEXT, "openat");
    real_close = dlsym(RTLD_NEXT, "close");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_write = dlsym(RTLD_NEXT, "write");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    data = getenv("FORGETFUL_DATA");
    undo = getenv("FORGETFUL_UNDO");
    fail = getenv("FORGETFUL_FAIL");
    data_length = data ? strlen(data) : 0;
}

static int is_ours(const char *path)
{
    return data && undo && strncmp(path, data, data_length) == 0 && (path[data_length] == '/' || path[data_length] == 0) && !strstr(path, "-shm");
}

/* What cannot be noted must not happen: a test that forgets less than it should proves nothing. */
static void must(int done)
{
    if (!done) {
        static const char text[] = "forgetful: cannot note how to undo\n";
        real_write(2, text, sizeof text - 1);
        abort();
    }
}

static int open_log(const char *name, int flags)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", undo, name);
    int log = real_open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    must(log >= 0);
    return log;
}

/* Notes what stands at a place, before it is overwritten or cut off. */
static void note_content(int fd, off_t offset, size_t length)
{
    struct stat facts;
    char name[64];
    must(fstat(fd, &facts) == 0);
    size_t old = facts.st_size <= offset ? 0 : (size_t)(facts.st_size - offset);
    old = old < length ? old : length;
    char *record = malloc(24 + old);
    must(record != NULL);
    int64_t head[3] = { facts.st_size, offset, (int64_t)old };
    memcpy(record, head, 24);
    for (size_t done = 0; done < old;) {
        ssize_t n = pread(fd, record + 24 + done, old - done, offset + (off_t)done);
        must(n > 0);   /* read through the same descriptor: closing another one would drop the process's locks on the file */
        done += (size_t)n;
    }
    snprintf(name, sizeof name, "%lu.undo", (unsigned long)facts.st_ino);
    int log = open_log(name, O_APPEND);
    must(real_write(log, record, 24 + old) == (ssize_t)(24 + old));
    real_close(log);
    free(record);
}

static void note_name(const char *what, const char *path)
{
    char line[PATH_MAX + 8];
    int length = snprintf(line, sizeof line, "%s %s\n", what, path);
    int log = open_log("names.undo", O_APPEND);
    must(real_write(log, line, (size_t)length) == length);
    real_close(log);
    names++;
}

static int opened(int fd, const char *path, int is_new)
{
    if (fd < 0 || fd >= MOST_FILES || !is_ours(path))
        return fd;
    struct stat facts;
    must(fstat(fd, &facts) == 0);
    is_file[fd] = S_ISREG(facts.st_mode);
    is_folder[fd] = S_ISDIR(facts.st_mode);
    if (is_new && is_file[fd])
        note_name("made", path);
    return fd;
}

static int open_noted(int folder, const char *path, int flags, mode_t mode)
{
    if (!is_ours(path))
        return real_openat(folder, path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;
    must(!(flags & O_TRUNC) || is_new);   /* SQLite opens nothing that way, and how to undo it is not noted */
    int fd = opened(real_openat(folder, path, flags, mode), path, is_new);
    int why = errno;
    pthread_mutex_unlock(&lock);
    errno = why;
    return fd;
}

#define WITH_MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { WITH_MODE(flags, mode) return open_noted(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { WITH_MODE(flags, mode) return open_noted(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int folder, const char *path, int flags, ...) { WITH_MODE(flags, mode) return open_noted(folder, path, flags, mode); }

int close(int fd)
{
    if (fd >= 0 && fd < MOST_FILES)
        is_file[fd] = is_folder[fd] = 0;
    return real_close(fd);
}

static int is_noted(int fd) { return fd >= 0 && fd < MOST_FILES && is_file[fd]; }

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    if (!is_noted(fd))
        return real_pwrite(fd, bytes, length, offset);
    pthread_mutex_lock(&lock);
    note_content(fd, offset, length);
    ssize_t written = real_pwrite(fd, bytes, length, offset);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) { return pwrite(fd, bytes, length, offset); }

ssize_t write(int fd, const void *bytes, size_t length)
{
    if (!is_noted(fd))
        return real_write(fd, bytes, length);
    pthread_mutex_lock(&lock);
    note_content(fd, lseek(fd, 0, SEEK_CUR), length);
    ssize_t written = real_write(fd, bytes, length);
    pthread_mutex_unlock(&lock);
    return written;
}

int ftruncate(int fd, off_t size)
{
    if (!is_noted(fd))
        return real_ftruncate(fd, size);
    pthread_mutex_lock(&lock);
    note_content(fd, size, (size_t)1 << 40);
    int done = real_ftruncate(fd, size);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

int unlink(const char *path)
{
    if (!is_ours(path) || access(path, F_OK) != 0)
        return real_unlink(path);
    pthread_mutex_lock(&lock);
    char kept[PATH_MAX];
    snprintf(kept, sizeof kept, "%s/gone.%ld", undo, names);
    must(link(path, kept) == 0);
    note_name("gone", path);
    int done = real_unlink(path);
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd)
{
    if (fail && access(fail, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    if (fd < 0 || fd >= MOST_FILES || !(is_file[fd] || is_folder[fd]))
        return 0;
    pthread_mutex_lock(&lock);
    if (is_folder[fd]) {
        real_close(open_log("names.undo", O_TRUNC));
        names = 0;
    } else {
        struct stat facts;
        char name[64];
        must(fstat(fd, &facts) == 0);
        snprintf(name, sizeof name, "%lu.undo", (unsigned long)facts.st_ino);
        real_close(open_log(name, O_TRUNC));
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

int fdatasync(int fd) { return fsync(fd); }
