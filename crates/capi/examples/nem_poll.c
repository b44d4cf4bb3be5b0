/* A NEM with a loop of its own, around poll(2): stations' requests come as files, and their certificates go as files. Run again after it was
 * stopped, it goes on where its ledger ends.
 *
 * usage: nem_poll PORT NEM_CERTIFICATE NEM_KEY OPERATOR_ROOT VENDOR_ROOT LEDGER STATION...
 *
 * Of each STATION the files STATION.p10, its request, and STATION.vendor, its vendor certificate, are read, and STATION.certificate is written;
 * all in DER. */
#define _POSIX_C_SOURCE 200809L
#include "cellcert.h"
#include "cmp_http.h"
#include "ledger_log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STATIONS 16
#define CONNECTIONS 32
#define MESSAGE 65536

struct octets {
    uint8_t data[4096];
    size_t len;
};

struct connection {
    int socket;
    uint64_t exchange;
    uint8_t response[MESSAGE];
    size_t len;
};

static struct {
    uint16_t port;
    cellcert_context *context;
    cellcert_nem *nem;
    struct connection connections[CONNECTIONS];
    int open;
    int undecided;
    int failed;
} loop;

static int32_t check(int32_t code, const char *what)
{
    if (code != CELLCERT_OK && code != CELLCERT_ERR_NONE) {
        char detail[512];
        size_t len = sizeof detail;
        if (cellcert_error_detail(loop.context, detail, &len) != CELLCERT_OK) {
            detail[0] = 0;
        }
        (void)fprintf(stderr, "%s: %s %s\n", what, cellcert_error_text(code), detail);
        loop.failed = 1;
    }
    return code;
}

static int read_file(const char *name, const char *ending, struct octets *octets)
{
    char path[512];
    FILE *file;
    (void)snprintf(path, sizeof path, "%s%s", name, ending);
    file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    octets->len = fread(octets->data, 1, sizeof octets->data, file);
    return fclose(file);
}

/* A station's certificate is handed over when it lies in its file. */
static void deliver(const char *station, const uint8_t *id)
{
    uint8_t certificate[4096];
    size_t len = sizeof certificate;
    char path[512];
    FILE *file;
    (void)snprintf(path, sizeof path, "%s.certificate", station);
    if (check(cellcert_nem_certificate(loop.nem, id, certificate, &len), station) != CELLCERT_OK) {
        return;
    }
    file = fopen(path, "wb");
    if (file == NULL || fwrite(certificate, 1, len, file) != len || fclose(file) != 0) {
        perror(path);
        loop.failed = 1;
        return;
    }
    (void)check(cellcert_nem_delivered(loop.context, loop.nem, id), station);
}

static void send_message(void)
{
    static uint8_t message[MESSAGE];
    size_t len = sizeof message;
    uint64_t exchange = 0;
    int connection = -1;
    (void)check(cellcert_nem_output_exchange(loop.nem, &exchange), "exchange");
    if (check(cellcert_nem_output_message(loop.nem, message, &len), "message") == CELLCERT_OK &&
        loop.open < CONNECTIONS) {
        connection = cmp_http_send(loop.port, message, len);
    }
    if (connection < 0) {
        (void)check(cellcert_nem_failure(loop.context, loop.nem, exchange, 1, "no connection"), "failure");
        return;
    }
    loop.connections[loop.open].socket = connection;
    loop.connections[loop.open].exchange = exchange;
    loop.connections[loop.open].len = 0;
    loop.open++;
}

static void tell_event(void)
{
    char station[256], text[512];
    size_t station_len = sizeof station, text_len = sizeof text;
    int32_t happening = 0;
    uint8_t id[16];
    if (check(cellcert_nem_output_station(loop.nem, station, &station_len), "station") != CELLCERT_OK ||
        check(cellcert_nem_output_text(loop.nem, text, &text_len), "text") != CELLCERT_OK ||
        check(cellcert_nem_output_event(loop.nem, id, &happening), "event") != CELLCERT_OK) {
        return;
    }
    (void)printf("%s: %s\n", station, text);
    if (happening == CELLCERT_HAPPENING_READY) {
        loop.undecided--;
        deliver(station, id);
    } else if (happening == CELLCERT_HAPPENING_REJECTED) {
        loop.undecided--;
        loop.failed = 1;
    }
}

static void tell_notice(void)
{
    char upstream[256], text[512];
    size_t upstream_len = sizeof upstream, text_len = sizeof text;
    if (cellcert_nem_output_upstream(loop.nem, upstream, &upstream_len) == CELLCERT_OK &&
        cellcert_nem_output_text(loop.nem, text, &text_len) == CELLCERT_OK) {
        (void)printf("%s: %s\n", upstream, text);
    }
}

static void do_outputs(void)
{
    int32_t kind;
    while (cellcert_nem_next_output(loop.nem, &kind) == CELLCERT_OK) {
        if (kind == CELLCERT_OUTPUT_SEND) {
            send_message();
        } else if (kind == CELLCERT_OUTPUT_EVENT) {
            tell_event();
        } else {
            tell_notice();
        }
    }
}

/* Some of a response is here; at its end the connection is closed. */
static void receive(int number)
{
    struct connection *c = &loop.connections[number];
    ssize_t more = recv(c->socket, c->response + c->len, sizeof c->response - c->len, 0);
    const uint8_t *body;
    size_t len = 0;
    if (more > 0) {
        c->len += (size_t)more;
        return;
    }
    (void)close(c->socket);
    body = cmp_http_body(c->response, c->len, &len);
    if (body == NULL) {
        (void)check(cellcert_nem_failure(loop.context, loop.nem, c->exchange, c->len == 0, "no answer"), "failure");
    } else {
        (void)check(cellcert_nem_answer(loop.context, loop.nem, c->exchange, body, len), "answer");
    }
    *c = loop.connections[--loop.open];
}

/* Milliseconds until the NEM wants to be called; -1: not before something happens. */
static int time_left(void)
{
    uint64_t due, now;
    struct timespec clock;
    if (cellcert_nem_timeout(loop.nem, &due) != CELLCERT_OK || clock_gettime(CLOCK_REALTIME, &clock) != 0) {
        return -1;
    }
    now = (uint64_t)clock.tv_sec * 1000 + (uint64_t)clock.tv_nsec / 1000000;
    return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

static void run(void)
{
    struct pollfd fds[CONNECTIONS];
    int number;
    while (loop.undecided > 0 && !loop.failed) {
        do_outputs();
        for (number = 0; number < loop.open; number++) {
            fds[number].fd = loop.connections[number].socket;
            fds[number].events = POLLIN;
            fds[number].revents = 0;
        }
        if (loop.undecided > 0 && poll(fds, (nfds_t)loop.open, time_left()) < 0) {
            perror("poll");
            loop.failed = 1;
        }
        /* From behind, as the last one takes the place of one that is done. */
        for (number = loop.open - 1; number >= 0; number--) {
            if (fds[number].revents != 0) {
                receive(number);
            }
        }
        (void)check(cellcert_nem_tick(loop.context, loop.nem), "tick");
    }
    while (loop.open > 0) {
        (void)close(loop.connections[--loop.open].socket);
    }
}

static int32_t name_of(const char *organization, const char *common_name, struct octets *name)
{
    cellcert_name_part part[2];
    part[0].attribute = CELLCERT_NAME_ORGANIZATION;
    part[0].value = organization;
    part[1].attribute = CELLCERT_NAME_COMMON_NAME;
    part[1].value = common_name;
    name->len = sizeof name->data;
    return cellcert_name(loop.context, part, 2, name->data, &name->len);
}

static void upload(const char *station)
{
    static struct octets request, vendor;
    cellcert_octets shown_certificate;
    cellcert_shown shown;
    int32_t standing = CELLCERT_STANDING_UNDER_WAY;
    uint8_t id[16];
    if (read_file(station, ".p10", &request) != 0 || read_file(station, ".vendor", &vendor) != 0) {
        loop.failed = 1;
        return;
    }
    shown_certificate.data = vendor.data;
    shown_certificate.len = vendor.len;
    memset(&shown, 0, sizeof shown);
    shown.certificates = &shown_certificate;
    shown.certificate_count = 1;
    if (check(cellcert_nem_upload(loop.context, loop.nem, &shown, CELLCERT_UPLOAD_PKCS10, request.data, request.len, NULL,
                                  id, &standing),
              station) != CELLCERT_OK) {
        return;
    }
    if (standing == CELLCERT_STANDING_ISSUED) {
        deliver(station, id);
    } else {
        loop.undecided++;
    }
}

/* The NEM, with everything that it is made of. */
static int32_t make_nem(struct octets *files, cellcert_key *key, cellcert_identity **identity, cellcert_trust **trust,
                        const cellcert_ledger *ledger, char **names, size_t count)
{
    static struct octets subjects[STATIONS], vendor_subjects[STATIONS];
    cellcert_station stations[STATIONS];
    cellcert_octets operator_root = {files[2].data, files[2].len}, vendor_root = {files[3].data, files[3].len};
    cellcert_upstream upstream;
    cellcert_nem_config config;
    cellcert_signer signer;
    size_t i;
    memset(stations, 0, sizeof stations);
    memset(&upstream, 0, sizeof upstream);
    memset(&config, 0, sizeof config);
    for (i = 0; i < count; i++) {
        if (name_of("Operator", names[i], &subjects[i]) != CELLCERT_OK ||
            name_of("Vendor", names[i], &vendor_subjects[i]) != CELLCERT_OK) {
            return CELLCERT_ERR_ARGUMENT;
        }
        stations[i].name = names[i];
        stations[i].subject.data = subjects[i].data;
        stations[i].subject.len = subjects[i].len;
        stations[i].vendor_subject.data = vendor_subjects[i].data;
        stations[i].vendor_subject.len = vendor_subjects[i].len;
    }
    if (check(cellcert_key_signer(key, &signer), "key") != CELLCERT_OK ||
        check(cellcert_identity_new(loop.context, files[0].data, files[0].len, NULL, 0, signer.algorithm, identity),
              "certificate") != CELLCERT_OK ||
        check(cellcert_trust_new(loop.context, &operator_root, 1, trust), "operator's root") != CELLCERT_OK) {
        return CELLCERT_ERR_ARGUMENT;
    }
    upstream.name = "raca";
    upstream.identity = *identity;
    upstream.signer = &signer;
    upstream.trust = *trust;
    upstream.batch_size = (uint32_t)count;
    config.upstreams = &upstream;
    config.upstream_count = 1;
    config.stations = stations;
    config.station_count = count;
    config.vendor_anchors = &vendor_root;
    config.vendor_anchor_count = 1;
    config.operator_anchors = &operator_root;
    config.operator_anchor_count = 1;
    config.ledger = ledger;
    config.first_retry_milliseconds = 50;
    return check(cellcert_nem_new(loop.context, &config, &loop.nem), "NEM");
}

int main(int argc, char **argv)
{
    static struct octets files[4];
    struct ledger_log *log;
    cellcert_ledger ledger;
    cellcert_key *key = NULL;
    cellcert_identity *identity = NULL;
    cellcert_trust *trust = NULL;
    int i;
    if (argc < 8 || argc > 7 + STATIONS) {
        (void)fprintf(stderr, "usage: nem_poll PORT CERTIFICATE KEY OPERATOR_ROOT VENDOR_ROOT LEDGER STATION...\n");
        return 2;
    }
    loop.port = (uint16_t)strtoul(argv[1], NULL, 10);
    for (i = 0; i < 4; i++) {
        if (read_file(argv[2 + i], "", &files[i]) != 0) {
            return 2;
        }
    }
    log = ledger_log_open(argv[6]);
    if (log == NULL) {
        perror(argv[6]);
        return 2;
    }
    ledger = ledger_log_callbacks(log);
    if (check(cellcert_context_new(NULL, NULL, NULL, &loop.context), "context") == CELLCERT_OK &&
        check(cellcert_key_from_pkcs8(loop.context, files[1].data, files[1].len, &key), "key") == CELLCERT_OK &&
        make_nem(files, key, &identity, &trust, &ledger, argv + 7, (size_t)argc - 7) == CELLCERT_OK) {
        for (i = 7; i < argc; i++) {
            upload(argv[i]);
        }
        run();
        do_outputs();
    } else {
        loop.failed = 1;
    }
    (void)cellcert_nem_free(&loop.nem);
    (void)cellcert_trust_free(&trust);
    (void)cellcert_identity_free(&identity);
    (void)cellcert_key_free(&key);
    (void)cellcert_context_free(&loop.context);
    ledger_log_close(log);
    return loop.failed;
}
