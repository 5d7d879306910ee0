/* Entries of an archive that have nothing special about them, many at a time: made in their
 * directories, or held against what is there. A name, a few calls and the next one: in Python
 * each of these calls takes the interpreter lock, and as long as the kernel takes for it.
 *
 * Nothing here says what is wrong. An entry that was not made leaves nothing behind, and its
 * caller makes it once more the long way, which tells which call failed; so does one that is
 * not right as it stands. Names are looked up in open directories, and links never followed.
 */

#include "tree.h"

#include <stdlib.h>

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
