/* Entries of an archive that have nothing special about them, many at a time: made in their
 * directories, or held against what is there. A name, a few calls and the next one: in Python
 * each of these calls takes the interpreter lock, and as long as the kernel takes for it.
 *
 * Nothing here says what is wrong. An entry that was not made leaves nothing behind, and its
 * caller makes it once more the long way, which tells which call failed; so does one that is
 * not right as it stands. Names are looked up in open directories, and links never followed.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum {
    BLOCK = 4096,      /* of zeros, which become a hole */
    COMPARED = 1 << 16 /* bytes read at a time to be compared */
};
#define SECOND INT64_C(1000000000)

/* What linux/fs.h and linux/msdos_fs.h have; other systems have no such attributes. */
#define GET_FLAGS 0x80086601UL
#define GET_PROJECT 0x801C581FUL
#define GET_FAT 0x80047210UL
enum { PROJECT_WORDS = 7, PROJECT_WORD = 3 };

enum { WANTS_MODE = 1, WANTS_OWNER = 2, WANTS_TIME = 4, WANTS_PROJECT = 8 };

/* What an entry is to have besides content. */
struct wanted {
    unsigned wants;
    unsigned mode, uid, gid;
    long long mtime_ns;
};

/* Attributes that an entry must not have, as the bits that the kernel tells. */
struct unwanted {
    unsigned chattr, fat;
};

struct entry {
    int folder;
    const char *hidden, *name, *target; /* a target where it is a link */
    Py_buffer content;                  /* where it is a file */
    struct wanted wanted;
};

static struct timespec moment(long long ns)
{
    long long seconds = ns / SECOND, rest = ns % SECOND;
    if (rest < 0) {
        rest += SECOND;
        seconds--;
    }
    return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)rest};
}

/* ---------------------------------------------------------------- making */

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

static bool give(int fd, const struct wanted *w)
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

static bool make_file(const struct entry *e)
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

static bool make_link(const struct entry *e)
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

/* ---------------------------------------------------------------- comparing */

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

static bool has_no_project(int fd)
{
    unsigned answer[PROJECT_WORDS] = {0};
    if (ioctl(fd, GET_PROJECT, answer) != 0)
        return errno == ENOTTY || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
    return !answer[PROJECT_WORD];
}

static bool same_numbers(const struct stat *found, const struct wanted *w)
{
    const struct timespec time = moment(w->mtime_ns);
    return (!(w->wants & WANTS_MODE) || (found->st_mode & 07777) == w->mode) &&
           (!(w->wants & WANTS_OWNER) || (found->st_uid == w->uid && found->st_gid == w->gid)) &&
           (!(w->wants & WANTS_TIME) || (found->st_mtim.tv_sec == time.tv_sec &&
                                         found->st_mtim.tv_nsec == time.tv_nsec));
}

/* Whether an open file or directory has nothing but what is in `found`. */
static bool nothing_else(int fd, const struct wanted *w, const struct unwanted *not)
{
    return flistxattr(fd, NULL, 0) == 0 && has_none(fd, GET_FLAGS, not->chattr) &&
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

static bool file_is_right(const struct entry *e, const struct unwanted *not, char *buffer)
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

static bool link_is_right(const struct entry *e)
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

/* ---------------------------------------------------------------- growing */

/* The records that a plain node has: name, entry, perhaps owners, and a body. */
#define FILENAME UINT64_C(0x6DBB6EBCB3161F0B)
#define GOODBYE UINT64_C(0xDFD35C5E8327C403)
#define PAYLOAD UINT64_C(0x8B9E1D93D6DCFFC9)
#define SYMLINK UINT64_C(0x664A6FB6830E0D6C)
#define GOODBYE_MARKER UINT64_C(0x57446FA533702943)
#define LATEST (INT64_C(2147483647) * SECOND - 1)
#define EARLIEST (INT64_C(-2147483648) * SECOND)
enum {
    HEADER = 16,
    ENTRY = 64,     /* of which all before the time is of a known kind */
    TIME_AT = 56,   /* in an entry */
    ITEM = 24,      /* of the table at the end of a directory */
    LEAST_TEXT = HEADER + 2,
    MOST_NAME = HEADER + 256,
    MOST_TARGET = HEADER + 4096,
    DEPTH = 64 /* directories that are open at a time */
};
static const char HIDDEN[] = ".desync-run.0.tmp";

/* Nodes that differ in nothing but name, time and body; as `straight.py` packs them. */
struct kind {
    uint32_t size; /* bytes of the entry and its owners, which follow */
    uint32_t type; /* of the file, as in a mode */
    uint32_t wants;        /* what it is to have */
    uint32_t gives;        /* what of that a new one is given; IMPOSSIBLE where it is not so simple */
    uint32_t mode, uid, gid;
};
#define IMPOSSIBLE UINT32_MAX

struct source {
    const char *data;
    size_t end;
    const char *kinds;
    size_t kinds_size;
    size_t last_kind;          /* where the one that was found last is */
    unsigned long long tick;   /* times are multiples of it; 0 where there are none */
    unsigned long long wanted; /* and are made multiples of this one */
    bool hides; /* files and links until they are complete */
    struct unwanted not;
    char *buffer;      /* to compare with */
    size_t *completed; /* places of names, of those directories that are open */
    size_t count, room;
};

struct node {
    const char *name;
    size_t entry, end; /* where the entry begins, and where the body ends */
    struct kind kind;
    long long mtime_ns;
    const char *body; /* content or target */
    size_t size;
};

/* A directory that was begun here. */
struct growing {
    int fd;
    bool stands; /* it was there before: what is in it is compared and not made */
    size_t at, entry;
    size_t names;     /* complete entries */
    size_t first;     /* where these begin among those that are completed */
    const char *last; /* name of the last node in it */
    size_t room;      /* bytes that a path in it may still have */
    struct wanted wanted;
};

static uint64_t word(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* Whether a record is complete, and its text ends with its only NUL. */
static bool is_text(const struct source *s, size_t at, uint64_t most)
{
    const uint64_t size = word(s->data + at);
    return size >= LEAST_TEXT && size <= most && size <= s->end - at &&
           memchr(s->data + at + HEADER, 0, size - HEADER) == s->data + at + size - 1;
}

/* Whether the body that begins at n->end is one of this kind, and complete. */
static bool read_body(const struct source *s, struct node *n)
{
    const uint64_t size = word(s->data + n->end), type = word(s->data + n->end + 8);
    n->body = s->data + n->end + HEADER;
    switch (n->kind.type) {
    case S_IFREG:
        if (type != PAYLOAD || size < HEADER || size > s->end - n->end)
            return false;
        break;
    case S_IFLNK:
        if (type != SYMLINK || !is_text(s, n->end, MOST_TARGET))
            return false;
        break;
    case S_IFDIR:
        return type == FILENAME || type == GOODBYE;
    default:
        return false;
    }
    n->size = size - HEADER;
    n->end += size;
    return true;
}

/* Whether the node whose entry is at n->entry is of the kind that is told at `at`. */
static bool is_of_kind(struct source *s, struct node *n, size_t at)
{
    const char *records = s->kinds + at + sizeof n->kind, *entry = s->data + n->entry;
    const size_t left = s->end - n->entry;
    memcpy(&n->kind, s->kinds + at, sizeof n->kind);
    if (n->kind.size + HEADER > left || memcmp(entry, records, TIME_AT) ||
        memcmp(entry + ENTRY, records + ENTRY, n->kind.size - ENTRY))
        return false;
    n->end = n->entry + n->kind.size;
    if (!read_body(s, n))
        return false;
    s->last_kind = at;
    return true;
}

static bool find_kind(struct source *s, struct node *n)
{
    if (s->last_kind < s->kinds_size && is_of_kind(s, n, s->last_kind))
        return true;
    for (size_t at = 0; at < s->kinds_size; at += sizeof n->kind + n->kind.size)
        if (is_of_kind(s, n, at))
            return true;
    return false;
}

static bool read_time(const struct source *s, struct node *n)
{
    const uint64_t stored = word(s->data + n->entry + TIME_AT);
    const long long time = (long long)stored, unit = (long long)s->wanted;
    if (stored == UINT64_MAX || (s->tick ? stored % s->tick : stored) || time < EARLIEST ||
        time > LATEST)
        return false;
    n->mtime_ns = unit ? time - ((time % unit) + unit) % unit : 0;
    return true;
}

/* Read the plain node whose name is at `at`; false where it is none, or not complete. */
static bool read_node(struct source *s, size_t at, struct node *n)
{
    if (!is_text(s, at, MOST_NAME))
        return false;
    n->name = s->data + at + HEADER;
    n->entry = at + (size_t)word(s->data + at);
    if (strchr(n->name, '/') || !strcmp(n->name, ".") || !strcmp(n->name, ".."))
        return false;
    return s->end - n->entry >= ENTRY + HEADER && find_kind(s, n) && read_time(s, n);
}

static int make_directory(int folder, const char *name)
{
    struct stat made;
    if (mkdirat(folder, name, 0700) != 0)
        return -1;
    const int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &made) == 0 && (made.st_mode & 0700) == 0700)
        return fd;
    if (fd >= 0)
        close(fd);
    unlinkat(folder, name, AT_REMOVEDIR);
    return -1;
}

/* Open a directory that stands, if it lets itself be changed, should that be necessary. */
static int open_directory(int folder, const char *name)
{
    struct stat found;
    const int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, &found) == 0 && (found.st_mode & 0700) == 0700))
        return fd;
    close(fd);
    return -1;
}

/* Make a file or a link, or see that it is right. */
static bool do_node(const struct source *s, const struct node *n, const struct growing *top)
{
    struct entry e = {.folder = top->fd, .name = n->name};
    const bool is_link = n->kind.type == S_IFLNK;
    e.hidden = s->hides ? HIDDEN : n->name;
    e.wanted = (struct wanted){n->kind.wants, n->kind.mode, n->kind.uid, n->kind.gid, n->mtime_ns};
    if (is_link) {
        e.target = n->body;
    } else {
        e.content.buf = (void *)n->body;
        e.content.len = (Py_ssize_t)n->size;
    }
    if (top->stands)
        return is_link ? link_is_right(&e) : file_is_right(&e, &s->not, s->buffer);
    e.wanted.wants = n->kind.gives;
    return n->kind.gives != IMPOSSIBLE && (is_link ? make_link(&e) : make_file(&e));
}

/* Whether there are as many entries as names of the archive, all of which are there. */
static bool has_nothing_else(int folder, size_t names)
{
    const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (!listing) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    size_t found = 0;
    errno = 0;
    for (const struct dirent *one; (one = readdir(listing));)
        found += strcmp(one->d_name, ".") && strcmp(one->d_name, "..");
    const bool same = !errno && found == names;
    closedir(listing);
    return same;
}

static bool finish_standing(const struct source *s, const struct growing *g)
{
    struct stat found;
    return has_nothing_else(g->fd, g->names) && fstat(g->fd, &found) == 0 &&
           same_numbers(&found, &g->wanted) && nothing_else(g->fd, &g->wanted, &s->not);
}

/* Take note of the place of a name whose entry is complete; false without memory. */
static bool note(struct source *s, size_t at)
{
    if (s->count == s->room) {
        const size_t room = 2 * s->room + 64;
        size_t *more = realloc(s->completed, room * sizeof *more);
        if (!more)
            return false;
        s->completed = more;
        s->room = room;
    }
    s->completed[s->count++] = at;
    return true;
}

/* End the directory whose table is at `at`; false where that is not its table, or not possible. */
static bool finish(const struct source *s, size_t at, const struct growing *g)
{
    const uint64_t size = word(s->data + at);
    if (size != HEADER + ITEM * ((uint64_t)g->names + 1) || size > s->end - at)
        return false;
    const char *tail = s->data + at + size - ITEM;
    return word(tail) == at - g->entry && word(tail + 8) == size &&
           word(tail + 16) == GOODBYE_MARKER &&
           (g->stands ? finish_standing(s, g) : give(g->fd, &g->wanted));
}

/* Make what begins at `at`, in the directories that are open; returns where that ends, and `at`
 * itself where somebody else has to do it. */
static size_t step(struct source *s, size_t at, struct growing *open, int *depth, size_t made[2])
{
    struct growing *top = &open[*depth];
    struct node n;
    if (s->end - at < HEADER)
        return at;
    if (word(s->data + at + 8) == GOODBYE) {
        if (!*depth || !finish(s, at, top))
            return at;
        close(top->fd);
        made[top->stands]++;
        s->count = top->first; /* where there was room for it, and for its own name */
        s->completed[s->count++] = top->at;
        open[--*depth].names++;
        return at + (size_t)word(s->data + at);
    }
    if (word(s->data + at + 8) != FILENAME || !read_node(s, at, &n))
        return at;
    /* Each name is another one as long as they ascend. */
    const size_t length = strlen(n.name) + 1;
    if (length > top->room || (top->last && strcmp(n.name, top->last) <= 0))
        return at;
    if (!note(s, at))
        return at;
    if (n.kind.type != S_IFDIR) {
        if (!do_node(s, &n, top)) {
            s->count--;
            return at;
        }
        top->names++;
        top->last = n.name;
        made[top->stands]++;
        return n.end;
    }
    s->count--; /* its name stands there when it is complete */
    const uint32_t wants = top->stands ? n.kind.wants : n.kind.gives;
    if (wants == IMPOSSIBLE || *depth + 1 == DEPTH)
        return at;
    const int fd = top->stands ? open_directory(top->fd, n.name) : make_directory(top->fd, n.name);
    if (fd < 0)
        return at;
    top->last = n.name;
    open[++*depth] = (struct growing){
        .fd = fd,
        .stands = top->stands,
        .at = at,
        .entry = n.entry,
        .first = s->count,
        .room = top->room - length,
        .wanted = {wants, n.kind.mode, n.kind.uid, n.kind.gid, n.mtime_ns},
    };
    return n.end;
}

static bool are_kinds(const struct source *s)
{
    struct kind kind;
    for (size_t at = 0, left; at < s->kinds_size; at += sizeof kind + kind.size) {
        left = s->kinds_size - at;
        if (left < sizeof kind)
            return false;
        memcpy(&kind, s->kinds + at, sizeof kind);
        if (kind.size < ENTRY || kind.size > left - sizeof kind)
            return false;
    }
    return true;
}

/* The names of complete entries of a directory. */
static PyObject *names_of(const struct source *s, const struct growing *g)
{
    PyObject *names = PyList_New((Py_ssize_t)g->names);
    for (size_t i = 0; names && i < g->names; i++) {
        const char *name = s->data + s->completed[g->first + i] + HEADER;
        PyObject *one = PyBytes_FromString(name);
        if (!one || PyList_SetItem(names, (Py_ssize_t)i, one) < 0)
            Py_CLEAR(names);
    }
    return names;
}

static PyObject *told(const struct source *s, size_t end, const size_t made[2],
                      const struct growing *open, int depth)
{
    PyObject *begun = PyList_New(0);
    for (int i = 1; begun && i <= depth; i++) {
        PyObject *one = Py_BuildValue("(inN)", open[i].fd, (Py_ssize_t)open[i].at,
                                      names_of(s, &open[i]));
        if (!one || PyList_Append(begun, one) < 0)
            Py_CLEAR(begun);
        Py_XDECREF(one);
    }
    if (!begun)
        return NULL;
    return Py_BuildValue("(nnnNN)", (Py_ssize_t)end, (Py_ssize_t)made[0], (Py_ssize_t)made[1],
                         names_of(s, &open[0]), begun);
}

/* (data, at, folder, stands, last, room, kinds, tick, wanted, hides, chattr, fat) -> grown; see
 * _tree.pyi */
static PyObject *grow(PyObject *module, PyObject *args)
{
    Py_buffer data, kinds;
    struct source s = {0};
    struct growing open[DEPTH] = {0};
    Py_ssize_t at, room;
    const char *last;
    int hides, stands, depth = 0;
    size_t made[2] = {0, 0};
    (void)module;
    if (!PyArg_ParseTuple(args, "y*nipyny*KKpII", &data, &at, &open[0].fd, &stands, &last, &room,
                          &kinds, &s.tick, &s.wanted, &hides, &s.not.chattr, &s.not.fat))
        return NULL;
    PyObject *result = NULL;
    s.data = data.buf;
    s.end = (size_t)data.len;
    s.kinds = kinds.buf;
    s.kinds_size = (size_t)kinds.len;
    s.hides = hides;
    if (at < 0 || at > data.len || room < 0 || !are_kinds(&s)) {
        PyErr_SetString(PyExc_ValueError, "no place in an archive, or no kinds of nodes");
    } else if (!(s.buffer = malloc(COMPARED))) {
        PyErr_NoMemory();
    } else {
        open[0].stands = stands;
        open[0].last = *last ? last : NULL;
        open[0].room = (size_t)room;
        size_t end = (size_t)at, before;
        Py_BEGIN_ALLOW_THREADS
        do {
            before = end;
            end = step(&s, before, open, &depth, made);
        } while (end != before);
        Py_END_ALLOW_THREADS
        result = told(&s, end, made, open, depth);
        for (int i = 1; !result && i <= depth; i++)
            close(open[i].fd);
    }
    free(s.buffer);
    free(s.completed);
    PyBuffer_Release(&data);
    PyBuffer_Release(&kinds);
    return result;
}

/* ---------------------------------------------------------------- gathering */

#define ENTRY_TYPE UINT64_C(0x1396FABCEA5BBB51)
#define LARGEST_SECONDS INT64_C(9000000000) /* no archive can have times that are much later */
enum { MODE_BITS = 07777 };

/* An owner and a group whose records are known, which follow. */
struct owners {
    uint32_t uid, gid, size;
};

struct gathering {
    int folder;
    unsigned long long device, features, tick;
    unsigned chattr;
    bool lists, projects; /* whether extended attributes and projects are looked for */
    const char *owners;
    size_t owners_size;
    char *out;
    size_t used, room;
};

static void put_words(struct gathering *g, const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t word = htole64(words[i]);
        memcpy(g->out + g->used, &word, sizeof word);
        g->used += sizeof word;
    }
}

static void put(struct gathering *g, const void *data, size_t size)
{
    memcpy(g->out + g->used, data, size);
    g->used += size;
}

static void put_text(struct gathering *g, uint64_t type, const char *text, size_t size)
{
    const uint64_t header[2] = {HEADER + size + 1, type};
    put_words(g, header, 2);
    put(g, text, size);
    g->out[g->used++] = 0;
}

/* Write a node up to its body, if there is room for that and `more` bytes. */
static bool put_node(struct gathering *g, const char *name, const struct stat *found, size_t more)
{
    struct owners o;
    size_t at = 0;
    for (;; at += sizeof o + o.size) {
        if (at == g->owners_size)
            return false;
        memcpy(&o, g->owners + at, sizeof o);
        if (o.uid == found->st_uid && o.gid == found->st_gid)
            break;
    }
    const long long seconds = found->st_mtim.tv_sec;
    const size_t length = strlen(name);
    if (seconds > LARGEST_SECONDS || seconds < -LARGEST_SECONDS ||
        HEADER + length + 1 + ENTRY + o.size + more > g->room - g->used)
        return false;
    uint64_t time = (uint64_t)(seconds * SECOND + found->st_mtim.tv_nsec);
    time = g->tick ? time - time % g->tick : 0;
    if (time == UINT64_MAX)
        return false;
    const bool is_link = S_ISLNK(found->st_mode);
    const uint64_t mode = is_link ? S_IFLNK | 0777 : S_IFREG | (found->st_mode & MODE_BITS);
    const uint64_t words[] = {ENTRY, ENTRY_TYPE, g->features, mode, 0, o.uid, o.gid, time};
    put_text(g, FILENAME, name, length);
    put_words(g, words, sizeof words / sizeof *words);
    put(g, g->owners + at + sizeof o, o.size);
    return true;
}

static bool read_all(int fd, char *to, size_t size)
{
    while (size) {
        const ssize_t part = read(fd, to, size);
        if (part <= 0)
            return false;
        to += part;
        size -= (size_t)part;
    }
    return true;
}

static bool is_at_rest(int fd, const struct stat *then)
{
    struct stat now;
    return fstat(fd, &now) == 0 && now.st_size == then->st_size &&
           now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

static bool gather_open(struct gathering *g, const char *name, int fd)
{
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_dev != g->device ||
        (size_t)found.st_size > g->room || !has_none(fd, GET_FLAGS, g->chattr) ||
        (g->projects && !has_no_project(fd)) || (g->lists && flistxattr(fd, NULL, 0) != 0))
        return false;
    const size_t size = (size_t)found.st_size;
    const uint64_t header[2] = {HEADER + size, PAYLOAD};
    if (!put_node(g, name, &found, HEADER + size))
        return false;
    put_words(g, header, 2);
    if (!read_all(fd, g->out + g->used, size) || !is_at_rest(fd, &found))
        return false;
    g->used += size;
    return true;
}

static bool gather_file(struct gathering *g, const char *name)
{
    const int how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const int fd = openat(g->folder, name, how);
    if (fd < 0)
        return false;
    const bool gathered = gather_open(g, name, fd);
    close(fd);
    return gathered;
}

static bool gather_link(struct gathering *g, const char *name)
{
    struct stat found;
    char target[PATH_MAX], path[32 + NAME_MAX + 1];
    if (fstatat(g->folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(found.st_mode) ||
        found.st_dev != g->device)
        return false;
    if (g->lists) {
        const int length = snprintf(path, sizeof path, "/proc/self/fd/%d/%s", g->folder, name);
        if (length >= (int)sizeof path || llistxattr(path, NULL, 0) != 0)
            return false;
    }
    const ssize_t size = readlinkat(g->folder, name, target, sizeof target);
    if (size <= 0 || size >= (ssize_t)sizeof target ||
        !put_node(g, name, &found, HEADER + (size_t)size + 1))
        return false;
    put_text(g, SYMLINK, target, (size_t)size);
    return true;
}

static bool are_owners(const struct gathering *g)
{
    struct owners o;
    for (size_t at = 0, left; at < g->owners_size; at += sizeof o + o.size) {
        left = g->owners_size - at;
        if (left < sizeof o)
            return false;
        memcpy(&o, g->owners + at, sizeof o);
        if (o.size > left - sizeof o)
            return false;
    }
    return true;
}

/* (out, folder, device, names, links, owners, features, tick, lists, chattr, projects) -> ends;
 * see _tree.pyi */
static PyObject *gather(PyObject *module, PyObject *args)
{
    enum { MOST = 64 };
    struct gathering g = {0};
    Py_buffer out, links, owners;
    PyObject *names, *result = NULL;
    const char *name[MOST];
    size_t ends[MOST];
    int lists, projects;
    (void)module;
    if (!PyArg_ParseTuple(args, "w*iKOy*y*KKpIp", &out, &g.folder, &g.device, &names, &links,
                          &owners, &g.features, &g.tick, &lists, &g.chattr, &projects))
        return NULL;
    g.lists = lists;
    g.projects = projects;
    g.owners = owners.buf;
    g.owners_size = (size_t)owners.len;
    g.out = out.buf;
    g.room = (size_t)out.len;
    const Py_ssize_t count = PyList_Size(names);
    Py_ssize_t done = 0;
    bool right = count >= 0 && count <= MOST && links.len == count && are_owners(&g);
    for (Py_ssize_t i = 0; right && i < count; i++) {
        name[i] = PyBytes_AsString(PyList_GetItem(names, i));
        right = name[i] != NULL;
    }
    if (right) {
        Py_BEGIN_ALLOW_THREADS
        for (; done < count; done++) {
            const size_t before = g.used;
            if (!(((const char *)links.buf)[done] ? gather_link(&g, name[done])
                                                  : gather_file(&g, name[done]))) {
                g.used = before;
                break;
            }
            ends[done] = g.used;
        }
        Py_END_ALLOW_THREADS
        result = PyList_New(done);
        for (Py_ssize_t i = 0; result && i < done; i++) {
            PyObject *end = PyLong_FromSize_t(ends[i]);
            if (!end || PyList_SetItem(result, i, end) < 0)
                Py_CLEAR(result);
        }
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "no names of files and links, or no owners");
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&links);
    PyBuffer_Release(&owners);
    return result;
}

/* ---------------------------------------------------------------- the module */

/* (folder, hidden, name, content or target, is link, wants, mode, uid, gid, mtime_ns) */
static bool take(PyObject *job, struct entry *e)
{
    int is_link;
    if (!PyArg_ParseTuple(job, "iyyy*pIIIIL", &e->folder, &e->hidden, &e->name, &e->content,
                          &is_link, &e->wanted.wants, &e->wanted.mode, &e->wanted.uid,
                          &e->wanted.gid, &e->wanted.mtime_ns))
        return false;
    e->target = NULL;
    if (!is_link)
        return true;
    e->target = e->content.buf;
    /* Of bytes, which a NUL follows that is not counted. */
    if (PyBytes_Check(e->content.obj) && strlen(e->target) == (size_t)e->content.len)
        return true;
    PyBuffer_Release(&e->content);
    PyErr_SetString(PyExc_ValueError, "a link has its target as bytes without a NUL");
    return false;
}

/* Jobs that were taken over, and a byte for what comes of each. */
struct batch {
    Py_ssize_t count;
    struct entry *entries;
    PyObject *result;
    char *out;
};

static void release(struct batch *batch)
{
    while (batch->count)
        PyBuffer_Release(&batch->entries[--batch->count].content);
    PyMem_Free(batch->entries);
}

static bool take_all(PyObject *jobs, struct batch *batch)
{
    const Py_ssize_t count = PyList_Size(jobs);
    if (count < 0)
        return false;
    batch->count = 0;
    batch->entries = PyMem_Calloc((size_t)count, sizeof *batch->entries);
    if (!batch->entries) {
        PyErr_NoMemory();
        return false;
    }
    while (batch->count < count) {
        struct entry *e = &batch->entries[batch->count];
        if (!take(PyList_GetItem(jobs, batch->count), e)) {
            release(batch);
            return false;
        }
        /* What is not hidden is not renamed. */
        if (!strcmp(e->hidden, e->name))
            e->hidden = e->name;
        batch->count++;
    }
    batch->result = PyBytes_FromStringAndSize(NULL, count);
    if (!batch->result) {
        release(batch);
        return false;
    }
    batch->out = PyBytes_AsString(batch->result);
    return true;
}

/* (jobs) -> made; see _tree.pyi */
static PyObject *make(PyObject *module, PyObject *jobs)
{
    struct batch b;
    (void)module;
    if (!take_all(jobs, &b))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; i < b.count; i++)
        b.out[i] = b.entries[i].target ? make_link(&b.entries[i]) : make_file(&b.entries[i]);
    Py_END_ALLOW_THREADS
    release(&b);
    return b.result;
}

/* (jobs, chattr, fat) -> right; see _tree.pyi */
static PyObject *compare(PyObject *module, PyObject *args)
{
    struct batch b;
    struct unwanted not;
    PyObject *jobs;
    (void)module;
    if (!PyArg_ParseTuple(args, "OII", &jobs, &not.chattr, &not.fat) || !take_all(jobs, &b))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    char *buffer = malloc(COMPARED);
    for (Py_ssize_t i = 0; i < b.count; i++)
        b.out[i] = buffer && (b.entries[i].target ? link_is_right(&b.entries[i])
                                                  : file_is_right(&b.entries[i], &not, buffer));
    free(buffer);
    Py_END_ALLOW_THREADS
    release(&b);
    return b.result;
}

/* (fd, wants, mode, uid, gid, mtime_ns) -> given; see _tree.pyi */
static PyObject *give_open(PyObject *module, PyObject *args)
{
    struct wanted w;
    int fd;
    bool given;
    (void)module;
    if (!PyArg_ParseTuple(args, "iIIIIL", &fd, &w.wants, &w.mode, &w.uid, &w.gid, &w.mtime_ns))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    given = give(fd, &w);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(given);
}

/* (fd, wants, mode, uid, gid, mtime_ns, chattr, fat) -> right; see _tree.pyi */
static PyObject *compare_open(PyObject *module, PyObject *args)
{
    struct wanted w;
    struct unwanted not;
    struct stat found;
    int fd;
    bool right;
    (void)module;
    if (!PyArg_ParseTuple(args, "iIIIILII", &fd, &w.wants, &w.mode, &w.uid, &w.gid, &w.mtime_ns,
                          &not.chattr, &not.fat))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    right = fstat(fd, &found) == 0 && same_numbers(&found, &w) && nothing_else(fd, &w, &not);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(right);
}

static PyMethodDef methods[] = {
    {"make", make, METH_O, NULL},
    {"compare", compare, METH_VARARGS, NULL},
    {"gather", gather, METH_VARARGS, NULL},
    {"grow", grow, METH_VARARGS, NULL},
    {"give_open", give_open, METH_VARARGS, NULL},
    {"compare_open", compare_open, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_constants(PyObject *module)
{
    return PyModule_AddIntConstant(module, "WANTS_MODE", WANTS_MODE) < 0 ||
                   PyModule_AddIntConstant(module, "WANTS_OWNER", WANTS_OWNER) < 0 ||
                   PyModule_AddIntConstant(module, "WANTS_TIME", WANTS_TIME) < 0 ||
                   PyModule_AddIntConstant(module, "WANTS_PROJECT", WANTS_PROJECT) < 0
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_constants},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "desync_jobs.core._tree",
    .m_doc = "Plain files and links of an archive, made and compared many at a time.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__tree(void)
{
    return PyModuleDef_Init(&definition);
}
