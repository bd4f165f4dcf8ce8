/* store_reader.h - what the writer of a store knows of its reader. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "site/store_format.h"
#include "site/store_table.h"

/* The root that is read; NULL: none.  Borrowed until the next one. */
const struct store_root *store_reader_root(const struct store_reader *r);

/* Base and delta of the root, which is there. */
struct store_index store_reader_base(const struct store_reader *r);
struct store_index store_reader_delta(const struct store_reader *r);

/* The descriptor of a file, borrowed; -1 unless r has it. */
int store_reader_file(const struct store_reader *r, uint32_t number);

/* The root's own. */
int store_reader_fd(const struct store_reader *r);

/* Close a file that no root of r names and nobody holds. */
void store_reader_remove(struct store_reader *r, uint32_t number);

#endif
