/* beneath.h - open what lies below a folder, and never anything outside. */
#ifndef BENEATH_H
#define BENEATH_H

#include <sys/stat.h>
#include <sys/types.h>

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

#define BENEATH_LINKS_MAX 40   /* symbolic links followed for one path */
#define BENEATH_PATH_MAX  4096 /* bytes of a path, NUL included */

struct beneath;

/*
 * A root to open below; the caller frees it with beneath_free.
 * Errors: NULL, and errno says why the folder could not be opened.
 */
struct beneath *beneath_new(const char *root);

/* Follow no symbolic link from now on, wherever it leads. */
void beneath_refuse_links(struct beneath *b);

/* Walk to the folder of the next path anew, whatever it was: it may have been
 * replaced since. */
void beneath_forget(struct beneath *b);

void beneath_free(struct beneath *b);

/*
 * Open path, relative to the root, for reading.
 *
 * want: S_IFREG or S_IFDIR; nothing else is opened, and nothing blocks.
 * Links are followed as long as every step stays below the root.  Returns a
 * descriptor that the caller closes, and fills *st.
 * Errors: -1, errno, and *why says what is wrong with path, to follow its
 * name in a sentence ("is a FIFO, not a file"); *why lives until the next
 * call.
 */
int beneath_open(struct beneath *b, struct view path, mode_t want,
    struct stat *st, const char **why);

/* As beneath_open, but only looks: returns 0 for a file or a folder. */
int beneath_stat(struct beneath *b, struct view path, struct stat *st,
    const char **why);

/*
 * For a process that a file may end: fn is called before any file is opened,
 * with the root's own name and the path as it was asked for; if it returns
 * false the file is refused as unreadable.
 */
void beneath_guard(bool (*fn)(void *arg, const char *root, const char *path),
    void *arg);

/* The root's descriptor, borrowed. */
int beneath_fd(const struct beneath *b);

/*
 * Append the one name below the root of what the last call found, which was a
 * success: no link, no ".", no ".." and one "/" between names.  That of a
 * folder ends with "/", that of the root is empty.
 *
 * Two paths lead to the same file if and only if this is the same for both;
 * hard links are files of their own.
 */
void beneath_put_name(const struct beneath *b, struct buf *to);

/* The root's own name, absolute and without links, "" for the machine's; NULL
 * if it cannot be known. */
const char *beneath_root(const struct beneath *b);

#endif
