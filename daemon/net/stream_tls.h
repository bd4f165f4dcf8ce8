/* stream_tls.h - the transport of a connection over TLS. */
#ifndef STREAM_TLS_H
#define STREAM_TLS_H

#include "net/stream.h"

extern const struct transport stream_tls;

/*
 * True if this OpenSSL, by its number (OpenSSL_version_num(3)), can be asked to
 * give back the buffers of a connection that waits: CVE-2024-4741 is mended in
 * it.  What cannot be known is not asked, which costs memory alone.
 */
bool stream_may_free_buffers(unsigned long openssl);

/*
 * How many bytes the next TLS record may take, of an answer that has so many
 * bytes at least.
 */
size_t stream_record(const struct stream *s, size_t answer);

/*
 * Why a handshake failed, in words; to be asked right after the call that
 * failed with result, while stream_is_ready is false.
 */
const char *stream_failure(enum stream_result result);

#endif
