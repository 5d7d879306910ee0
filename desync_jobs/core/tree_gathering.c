/* Runs of plain files and links read, and written down as nodes of an archive. */

#include "tree_nodes.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/xattr.h>

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
        (size_t)found.st_size > g->room || !has_no_flags(fd, g->chattr) ||
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
PyObject *gather(PyObject *module, PyObject *args)
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
