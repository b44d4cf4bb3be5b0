/* CMP over HTTP (RFC 9811) with the sockets of POSIX: one message, one answer, one connection. */
#ifndef CMP_HTTP_H
#define CMP_HTTP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Connects to a port of 127.0.0.1, and sends a message to /.well-known/cmp. Returns the socket, or -1. */
int cmp_http_send(uint16_t port, const uint8_t *message, size_t len);

/* Finds the body in what was received: its beginning, or NULL when that is no answer with status 200. */
const uint8_t *cmp_http_body(const uint8_t *response, size_t len, size_t *body_len);

/* All of it: 0 when it worked. `*answer_len` is the room there is, and then the answer's length. */
int cmp_http_exchange(uint16_t port, const uint8_t *message, size_t len, uint8_t *answer, size_t *answer_len);

#ifdef __cplusplus
}
#endif
#endif
