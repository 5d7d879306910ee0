/* Files and links made in open directories. What was not made leaves nothing behind. */

#include "tree.h"

#include <stdio.h>

enum { BLOCK = 4096 /* of zeros, which become a hole */ };

struct timespec moment(long long ns)
{
    long long seconds = ns / SECOND, rest = ns % SECOND;
    if (rest < 0) {
        rest += SECOND;
        seconds--;
    }
    return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)rest};
}

static bool all_zeros(const char *block)
{
    static const char zeros[BLOCK];
    return !*block && !memcmp(block, zeros, BLOCK);
}

static bool write_at(int fd, const char *data, size_t size, off_t offset)
{
    while (size) {
        const ssize_t done = pwrite(fd, data, size, offset);
        if (done <= 0)
            return false;
        data += done;
        offset += done;
        size -= (size_t)done;
    }
    return true;
}

/* Write the content of a new file, with a hole for each block of zeros. */
static bool write_content(int fd, const char *data, size_t size)
{
    size_t begin = 0;
    bool holes = false;
    for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
        if (!all_zeros(data + at))
            continue;
        if (!write_at(fd, data + begin, at - begin, (off_t)begin))
            return false;
        begin = at + BLOCK;
        holes = true;
    }
    return write_at(fd, data + begin, size - begin, (off_t)begin) &&
           (!holes || ftruncate(fd, (off_t)size) == 0);
}

bool give(int fd, const struct wanted *w)
{
    /* In this order: another owner takes bits of the mode away, and everything changes the time. */
    if ((w->wants & WANTS_OWNER) && fchown(fd, w->uid, w->gid) != 0)
        return false;
    if ((w->wants & WANTS_MODE) && fchmod(fd, w->mode) != 0)
        return false;
    const struct timespec time = moment(w->mtime_ns), times[2] = {time, time};
    return !(w->wants & WANTS_TIME) || futimens(fd, times) == 0;
}

static bool show(const struct entry *e)
{
    return e->hidden == e->name || renameat(e->folder, e->hidden, e->folder, e->name) == 0;
}

bool make_file(const struct entry *e)
{
    const int how = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const mode_t mode = e->wanted.wants & WANTS_MODE ? 0600 : 0666;
    const int fd = openat(e->folder, e->hidden, how, mode);
    if (fd < 0)
        return false;
    if (write_content(fd, e->content.buf, (size_t)e->content.len) && give(fd, &e->wanted) &&
        show(e))
        return close(fd) == 0; /* where it is not, the file is made once more in its place */
    close(fd);
    unlinkat(e->folder, e->hidden, 0);
    return false;
}

bool make_link(const struct entry *e)
{
    const struct wanted *w = &e->wanted;
    const struct timespec time = moment(w->mtime_ns), times[2] = {time, time};
    if (symlinkat(e->target, e->folder, e->hidden) != 0)
        return false;
    if ((!(w->wants & WANTS_OWNER) ||
         fchownat(e->folder, e->hidden, w->uid, w->gid, AT_SYMLINK_NOFOLLOW) == 0) &&
        (!(w->wants & WANTS_TIME) ||
         utimensat(e->folder, e->hidden, times, AT_SYMLINK_NOFOLLOW) == 0) &&
        show(e))
        return true;
    unlinkat(e->folder, e->hidden, 0);
    return false;
}
