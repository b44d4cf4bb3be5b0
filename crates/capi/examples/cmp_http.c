#define _POSIX_C_SOURCE 200809L
#include "cmp_http.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESPONSE 32768

static int send_all(int connection, const void *octets, size_t len)
{
    const uint8_t *rest = (const uint8_t *)octets;
    while (len > 0) {
        ssize_t sent = send(connection, rest, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return -1;
        }
        rest += sent;
        len -= (size_t)sent;
    }
    return 0;
}

int cmp_http_send(uint16_t port, const uint8_t *message, size_t len)
{
    struct sockaddr_in address;
    char head[256];
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    int head_len = snprintf(head, sizeof head,
                            "POST /.well-known/cmp HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n"
                            "Content-Type: application/pkixcmp\r\nContent-Length: %zu\r\n\r\n",
                            (unsigned)port, len);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connection < 0) {
        return -1;
    }
    if (connect(connection, (const struct sockaddr *)&address, sizeof address) != 0 ||
        send_all(connection, head, (size_t)head_len) != 0 || send_all(connection, message, len) != 0) {
        (void)close(connection);
        return -1;
    }
    return connection;
}

const uint8_t *cmp_http_body(const uint8_t *response, size_t len, size_t *body_len)
{
    static const char ok[] = "HTTP/1.1 200";
    size_t end;
    if (len < sizeof ok || memcmp(response, ok, sizeof ok - 1) != 0) {
        return NULL;
    }
    for (end = 4; end <= len; end++) {
        if (memcmp(response + end - 4, "\r\n\r\n", 4) == 0) {
            *body_len = len - end;
            return response + end;
        }
    }
    return NULL;
}

int cmp_http_exchange(uint16_t port, const uint8_t *message, size_t len, uint8_t *answer, size_t *answer_len)
{
    static uint8_t response[RESPONSE];
    const uint8_t *body;
    size_t received = 0, body_len = 0;
    int connection = cmp_http_send(port, message, len);
    if (connection < 0) {
        return -1;
    }
    while (received < sizeof response) {
        ssize_t more = recv(connection, response + received, sizeof response - received, 0);
        if (more <= 0) {
            break;
        }
        received += (size_t)more;
    }
    (void)close(connection);
    body = cmp_http_body(response, received, &body_len);
    if (body == NULL || body_len > *answer_len) {
        return -1;
    }
    memcpy(answer, body, body_len);
    *answer_len = body_len;
    return 0;
}
