/* Plain nodes as they lie in an archive's bytes. Source of the format: casync's caformat.h. */

#ifndef DESYNC_TREE_NODES_H
#define DESYNC_TREE_NODES_H

#include "tree.h"

#include <endian.h>

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
    MOST_TARGET = HEADER + 4096
};

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

/* Return the little-endian number at `at`. */
static inline uint64_t word(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* Read the plain node whose name is at `at`; false where it is none, or not complete. */
bool read_node(struct source *s, size_t at, struct node *n);

#endif
