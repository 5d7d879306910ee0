/* What the parts of the extension `_tree` have in common. */

#ifndef DESYNC_TREE_H
#define DESYNC_TREE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { COMPARED = 1 << 16 /* bytes read at a time to be compared */ };
#define SECOND INT64_C(1000000000)

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

/* ---------------------------------------------------------------- tree_making.c */

struct timespec moment(long long ns);
/* Give an open file or directory what is wanted of it. */
bool give(int fd, const struct wanted *w);
bool make_file(const struct entry *e);
bool make_link(const struct entry *e);

/* ---------------------------------------------------------------- tree_comparing.c */

/* Whether an open file or directory has none of the `chattr` attributes of those bits. */
bool has_no_flags(int fd, unsigned bits);
bool has_no_project(int fd);
bool same_numbers(const struct stat *found, const struct wanted *w);
/* Whether an open file or directory has nothing but what a `stat` tells. */
bool nothing_else(int fd, const struct wanted *w, const struct unwanted *not);
/* `buffer` has room for COMPARED bytes. */
bool file_is_right(const struct entry *e, const struct unwanted *not, char *buffer);
bool link_is_right(const struct entry *e);

/* ---------------------------------------------------------------- functions of the module */

/* See _tree.pyi. */
PyObject *grow(PyObject *module, PyObject *args);
PyObject *gather(PyObject *module, PyObject *args);

#endif
