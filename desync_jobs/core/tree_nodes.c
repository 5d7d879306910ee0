/* Plain nodes read from an archive's bytes: each size is held against what is there. */

#include "tree_nodes.h"

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
bool read_node(struct source *s, size_t at, struct node *n)
{
    if (!is_text(s, at, MOST_NAME))
        return false;
    n->name = s->data + at + HEADER;
    n->entry = at + (size_t)word(s->data + at);
    if (strchr(n->name, '/') || !strcmp(n->name, ".") || !strcmp(n->name, ".."))
        return false;
    return s->end - n->entry >= ENTRY + HEADER && find_kind(s, n) && read_time(s, n);
}
