/* Files and links held against what is there. */

#include "tree.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

/* What linux/fs.h and linux/msdos_fs.h have; other systems have no such attributes. */
#define GET_FLAGS 0x80086601UL
#define GET_PROJECT 0x801C581FUL
#define GET_FAT 0x80047210UL
enum { PROJECT_WORDS = 7, PROJECT_WORD = 3 };

/* Whether an open file or directory has no attribute of those; what does not know is one. */
static bool has_none(int fd, unsigned long question, unsigned bits)
{
    unsigned answer[2] = {0, 0};
    if (!bits)
        return true;
    if (ioctl(fd, question, answer) != 0)
        return errno == ENOTTY || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
    return !(answer[0] & bits);
}

bool has_no_flags(int fd, unsigned bits)
{
    return has_none(fd, GET_FLAGS, bits);
}

bool has_no_project(int fd)
{
    unsigned answer[PROJECT_WORDS] = {0};
    if (ioctl(fd, GET_PROJECT, answer) != 0)
        return errno == ENOTTY || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
    return !answer[PROJECT_WORD];
}

bool same_numbers(const struct stat *found, const struct wanted *w)
{
    const struct timespec time = moment(w->mtime_ns);
    return (!(w->wants & WANTS_MODE) || (found->st_mode & 07777) == w->mode) &&
           (!(w->wants & WANTS_OWNER) || (found->st_uid == w->uid && found->st_gid == w->gid)) &&
           (!(w->wants & WANTS_TIME) || (found->st_mtim.tv_sec == time.tv_sec &&
                                         found->st_mtim.tv_nsec == time.tv_nsec));
}

/* Whether an open file or directory has nothing but what is in `found`. */
bool nothing_else(int fd, const struct wanted *w, const struct unwanted *not)
{
    return flistxattr(fd, NULL, 0) == 0 && has_no_flags(fd, not->chattr) &&
           has_none(fd, GET_FAT, not->fat) && (!(w->wants & WANTS_PROJECT) || has_no_project(fd));
}

static bool same_content(int fd, const char *data, size_t size, char *buffer)
{
    for (size_t at = 0; at < size;) {
        const size_t part = size - at < COMPARED ? size - at : COMPARED;
        const ssize_t read = pread(fd, buffer, part, (off_t)at);
        if (read <= 0 || memcmp(buffer, data + at, (size_t)read))
            return false;
        at += (size_t)read;
    }
    return true;
}

static bool is_file(const struct stat *found, const struct entry *e)
{
    return S_ISREG(found->st_mode) && found->st_size == e->content.len && found->st_nlink == 1 &&
           same_numbers(found, &e->wanted);
}

bool file_is_right(const struct entry *e, const struct unwanted *not, char *buffer)
{
    struct stat found;
    /* Opening a device can have it do something. */
    if (fstatat(e->folder, e->name, &found, AT_SYMLINK_NOFOLLOW) != 0 || !is_file(&found, e))
        return false;
    const int fd = openat(e->folder, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool right = fstat(fd, &found) == 0 && is_file(&found, e) &&
                       same_content(fd, e->content.buf, (size_t)e->content.len, buffer) &&
                       nothing_else(fd, &e->wanted, not);
    close(fd);
    return right;
}

bool link_is_right(const struct entry *e)
{
    char target[PATH_MAX + 1], path[32];
    struct stat found;
    const int fd = openat(e->folder, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const size_t size = strlen(e->target);
    const bool right = fstat(fd, &found) == 0 && S_ISLNK(found.st_mode) && found.st_nlink == 1 &&
                       same_numbers(&found, &e->wanted) &&
                       readlinkat(fd, "", target, sizeof target) == (ssize_t)size &&
                       !memcmp(target, e->target, size) && listxattr(path, NULL, 0) == 0;
    close(fd);
    return right;
}
