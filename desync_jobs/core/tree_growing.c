/* Runs of plain nodes made in new directories, or held against what stands. */

#include "tree_nodes.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

enum { DEPTH = 64 /* directories that are open at a time */ };
static const char HIDDEN[] = ".desync-run.0.tmp";

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
PyObject *grow(PyObject *module, PyObject *args)
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
