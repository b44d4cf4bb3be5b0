/* A NEM in which everything fails once that can: each callback, each use of its ledger, and each allocation.
 *
 * usage: nem_faults PORT NEM_CERTIFICATE NEM_KEY OPERATOR_ROOT VENDOR_ROOT STATION online|by-hand STRIDE
 *
 * By hand, the request leaves in a file, and the answers come back in one.
 * STATION.p10 and STATION.vendor are the station's. The first time the messages go to the RA/CA; its answers serve all times that follow. */
#include "cellcert.h"
#include "cmp_http.h"
#include "ledger_map.h"
#include "try.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE 16384

static struct {
    uint16_t port;
    struct file certificate, key, root, vendor_root, request, vendor;
    const char *station;
    int by_hand;
    uint64_t milliseconds;
    struct {
        uint8_t octets[MESSAGE];
        size_t len;
    } answers[2];
} house;

struct nem {
    uint32_t counter;
    cellcert_context *context;
    cellcert_key *key;
    cellcert_identity *identity;
    cellcert_trust *trust;
    cellcert_nem *nem;
    cellcert_signer chip, signer;
    uint8_t subject[256], vendor_subject[256], buffer[MESSAGE], id[16];
    size_t subject_len, vendor_subject_len, len, answered;
};

static int32_t name_of(const struct nem *n, const char *organization, uint8_t *out, size_t *len)
{
    cellcert_name_part part[2];
    part[0].attribute = CELLCERT_NAME_ORGANIZATION;
    part[0].value = organization;
    part[1].attribute = CELLCERT_NAME_COMMON_NAME;
    part[1].value = house.station;
    return cellcert_name(n->context, part, 2, out, len);
}

static int32_t prepare(struct nem *n)
{
    cellcert_random random = {world_fill, NULL};
    cellcert_clock clock = {world_now, NULL};
    cellcert_ledger ledger = {ledger_map_get, ledger_map_next, ledger_map_write, NULL};
    cellcert_octets root = {house.root.octets, house.root.len};
    cellcert_octets vendor_root = {house.vendor_root.octets, house.vendor_root.len};
    cellcert_upstream upstream;
    cellcert_station station;
    cellcert_nem_config config;
    random.ctx = &n->counter;
    clock.ctx = &house.milliseconds;
    memset(&upstream, 0, sizeof upstream);
    memset(&station, 0, sizeof station);
    memset(&config, 0, sizeof config);
    TRY(cellcert_context_new(&random, &clock, NULL, &n->context));
    TRY(cellcert_key_from_pkcs8(n->context, house.key.octets, house.key.len, &n->key));
    TRY(cellcert_key_signer(n->key, &n->chip));
    n->signer = n->chip;
    n->signer.sign = world_sign;
    n->signer.ctx = &n->chip;
    TRY(cellcert_identity_new(n->context, house.certificate.octets, house.certificate.len, NULL, 0, n->chip.algorithm,
                              &n->identity));
    TRY(cellcert_trust_new(n->context, &root, 1, &n->trust));
    n->subject_len = sizeof n->subject;
    TRY(name_of(n, "Operator", n->subject, &n->subject_len));
    n->vendor_subject_len = sizeof n->vendor_subject;
    TRY(name_of(n, "Vendor", n->vendor_subject, &n->vendor_subject_len));
    upstream.name = "raca";
    upstream.identity = n->identity;
    upstream.signer = &n->signer;
    upstream.trust = n->trust;
    /* By hand, the request waits for another one until it is exported. */
    upstream.batch_size = house.by_hand ? 2 : 1;
    station.name = house.station;
    station.subject.data = n->subject;
    station.subject.len = n->subject_len;
    station.vendor_subject.data = n->vendor_subject;
    station.vendor_subject.len = n->vendor_subject_len;
    config.upstreams = &upstream;
    config.upstream_count = 1;
    config.stations = &station;
    config.station_count = 1;
    config.vendor_anchors = &vendor_root;
    config.vendor_anchor_count = 1;
    config.operator_anchors = &root;
    config.operator_anchor_count = 1;
    config.ledger = &ledger;
    return cellcert_nem_new(n->context, &config, &n->nem);
}

/* Sends what there is to send, and hands in what comes back. */
static int32_t converse(struct nem *n, int32_t *happening)
{
    for (;;) {
        uint64_t exchange;
        int32_t kind, code = cellcert_nem_next_output(n->nem, &kind);
        if (code != CELLCERT_OK) {
            return code == CELLCERT_ERR_NONE ? CELLCERT_OK : code;
        }
        if (kind == CELLCERT_OUTPUT_EVENT) {
            int32_t last;
            TRY(cellcert_nem_output_event(n->nem, n->id, &last));
            n->len = sizeof n->buffer;
            TRY(cellcert_nem_output_text(n->nem, (char *)n->buffer, &n->len));
            *happening = last == CELLCERT_HAPPENING_OTHER ? *happening : last;
        }
        if (kind != CELLCERT_OUTPUT_SEND) {
            continue;
        }
        TRY(cellcert_nem_output_exchange(n->nem, &exchange));
        n->len = sizeof n->buffer;
        TRY(cellcert_nem_output_message(n->nem, n->buffer, &n->len));
        if (n->answered == 2) {
            return CELLCERT_ERR_BUG;
        }
        if (house.answers[n->answered].len == 0) {
            house.answers[n->answered].len = MESSAGE;
            if (cmp_http_exchange(house.port, n->buffer, n->len, house.answers[n->answered].octets,
                                  &house.answers[n->answered].len) != 0) {
                (void)fprintf(stderr, "the RA/CA does not answer\n");
                exit(2);
            }
        }
        TRY(cellcert_nem_answer(n->context, n->nem, exchange, house.answers[n->answered].octets,
                                house.answers[n->answered].len));
        n->answered++;
    }
}

/* What should end so and does; or what it ended with. */
static int32_t due(int32_t expected, int32_t code)
{
    return code == expected ? CELLCERT_OK : code == CELLCERT_OK ? CELLCERT_ERR_BUG : code;
}

/* Carries the request to the RA/CA in a file, and back. */
static int32_t carry(struct nem *n)
{
    cellcert_export_order order;
    uint8_t export_id[16], other[16];
    size_t count = 0;
    int32_t written = -1, verdict = -1;
    memset(&order, 0, sizeof order);
    TRY(cellcert_nem_export(n->context, n->nem, &order, "requests.pki", export_id));
    n->len = sizeof n->buffer;
    TRY(cellcert_nem_export_station(n->nem, 0, (char *)n->buffer, &n->len));
    n->len = sizeof n->buffer;
    TRY(cellcert_nem_export_request(n->nem, 0, other, n->buffer, &n->len));
    if (memcmp(other, n->id, sizeof other) != 0) {
        return CELLCERT_ERR_BUG;
    }
    TRY(due(CELLCERT_ERR_NONE, cellcert_nem_export_request(n->nem, 1, other, n->buffer, &n->len)));
    n->len = sizeof n->buffer;
    TRY(cellcert_nem_export_file(n->nem, n->buffer, &n->len));
    TRY(cellcert_nem_exports(n->nem, 0, other, &count, &written));
    if (memcmp(other, export_id, sizeof other) != 0 || count != 1 || written != 0) {
        return CELLCERT_ERR_BUG;
    }
    TRY(cellcert_nem_export_written(n->context, n->nem));
    TRY(cellcert_nem_export_again(n->context, n->nem, export_id, "again.pki"));
    TRY(cellcert_nem_export_written(n->context, n->nem));
    TRY(cellcert_nem_exports(n->nem, 0, other, &count, &written));
    if (written != 1) {
        return CELLCERT_ERR_BUG;
    }
    TRY(due(CELLCERT_ERR_NONE, cellcert_nem_export_written(n->context, n->nem)));
    /* What was exported is no answer. */
    TRY(due(CELLCERT_ERR_ARGUMENT, cellcert_nem_import(n->context, n->nem, n->buffer, n->len, &count)));
    if (house.answers[0].len == 0) {
        house.answers[0].len = MESSAGE;
        if (cmp_http_exchange(house.port, n->buffer, n->len, house.answers[0].octets, &house.answers[0].len) != 0) {
            (void)fprintf(stderr, "the RA/CA does not answer\n");
            exit(2);
        }
    }
    n->answered = 1;
    TRY(cellcert_nem_import(n->context, n->nem, house.answers[0].octets, house.answers[0].len, &count));
    TRY(cellcert_nem_verdict(n->nem, 0, other, &verdict));
    if (count != 1 || verdict != CELLCERT_VERDICT_ISSUED || memcmp(other, n->id, sizeof other) != 0) {
        n->len = sizeof n->buffer;
        if (cellcert_nem_verdict_reason(n->nem, 0, (char *)n->buffer, &n->len) == CELLCERT_OK && world.fault == NOTHING) {
            (void)fprintf(stderr, "%s\n", (const char *)n->buffer);
        }
        return CELLCERT_ERR_REFUSED;
    }
    n->len = sizeof n->buffer;
    return cellcert_nem_verdict_station(n->nem, 0, (char *)n->buffer, &n->len);
}

static int32_t enrol(struct nem *n)
{
    cellcert_octets vendor = {house.vendor.octets, house.vendor.len};
    cellcert_shown shown;
    int32_t standing = -1, happening = 0;
    memset(&shown, 0, sizeof shown);
    shown.certificates = &vendor;
    shown.certificate_count = 1;
    TRY(cellcert_nem_upload(n->context, n->nem, &shown, CELLCERT_UPLOAD_PKCS10, house.request.octets, house.request.len,
                            "first", n->id, &standing));
    if (house.by_hand) {
        TRY(carry(n));
    }
    TRY(converse(n, &happening));
    TRY(cellcert_nem_standing(n->nem, n->id, &standing));
    if (happening == CELLCERT_HAPPENING_RETRY) {
        /* Whatever failed is tried again later: nothing is lost. */
        return standing == CELLCERT_STANDING_UNDER_WAY ? CELLCERT_ERR_LEDGER : CELLCERT_ERR_BUG;
    }
    if (standing != CELLCERT_STANDING_ISSUED) {
        return CELLCERT_ERR_REFUSED;
    }
    n->len = sizeof n->buffer;
    TRY(cellcert_nem_certificate(n->nem, n->id, n->buffer, &n->len));
    return cellcert_nem_delivered(n->context, n->nem, n->id);
}

static int32_t attempt(void)
{
    static struct nem n;
    int32_t code;
    memset(&n, 0, sizeof n);
    ledger_map_count = 0;
    code = prepare(&n);
    if (code == CELLCERT_OK) {
        code = enrol(&n);
    }
    world.fault = NOTHING;
    if (code == CELLCERT_ERR_MEMORY && n.nem != NULL) {
        /* It may be gone. What it has taken on is in the ledger, and a new one goes on with it. */
        (void)cellcert_nem_free(&n.nem);
        (void)cellcert_trust_free(&n.trust);
        (void)cellcert_identity_free(&n.identity);
        (void)cellcert_key_free(&n.key);
        (void)cellcert_context_free(&n.context);
        if (prepare(&n) != CELLCERT_OK || cellcert_nem_tick(n.context, n.nem) != CELLCERT_OK) {
            code = CELLCERT_ERR_BUG;
        }
    }
    (void)cellcert_nem_free(&n.nem);
    (void)cellcert_trust_free(&n.trust);
    (void)cellcert_identity_free(&n.identity);
    (void)cellcert_key_free(&n.key);
    (void)cellcert_context_free(&n.context);
    return code;
}

static int is_due(enum fault fault, int32_t code)
{
    switch (fault) {
    case RANDOM:
        /* Where a message could not be made, it is tried again. */
        return code == CELLCERT_ERR_LEDGER || code == CELLCERT_ERR_RANDOM;
    case CLOCK:
        return code == CELLCERT_ERR_CLOCK;
    case SIGN:
        return code == CELLCERT_ERR_LEDGER || code == CELLCERT_ERR_SIGN;
    case LEDGER:
        return code == CELLCERT_ERR_LEDGER;
    default:
        /* The cryptography's own allocations end in whatever it was doing. */
        return code == CELLCERT_ERR_MEMORY || code == CELLCERT_ERR_LEDGER || code == CELLCERT_ERR_KEY ||
               code == CELLCERT_ERR_SIGN || code == CELLCERT_ERR_POP || code == CELLCERT_ERR_TRUST ||
               code == CELLCERT_ERR_STATION || code == CELLCERT_ERR_REFUSED || code == CELLCERT_OK;
    }
}

int main(int argc, char **argv)
{
    const enum fault faults[] = {RANDOM, CLOCK, SIGN, LEDGER};
    char path[512];
    long stride;
    int32_t code;
    if (argc != 9 || read_file(argv[2], &house.certificate) != 0 || read_file(argv[3], &house.key) != 0 ||
        read_file(argv[4], &house.root) != 0 || read_file(argv[5], &house.vendor_root) != 0) {
        (void)fprintf(stderr, "usage: nem_faults PORT CERTIFICATE KEY ROOT VENDOR_ROOT STATION online|by-hand STRIDE\n");
        return 2;
    }
    house.port = (uint16_t)strtoul(argv[1], NULL, 10);
    house.station = argv[6];
    (void)snprintf(path, sizeof path, "%s.p10", argv[6]);
    code = read_file(path, &house.request);
    (void)snprintf(path, sizeof path, "%s.vendor", argv[6]);
    if (code != 0 || read_file(path, &house.vendor) != 0) {
        return 2;
    }
    house.by_hand = strcmp(argv[7], "by-hand") == 0;
    stride = strtol(argv[8], NULL, 10);
    /* Later than what is issued now. */
    house.milliseconds = ((uint64_t)time(NULL) + 10) * 1000;
    return with_faults(attempt(), faults, sizeof faults / sizeof *faults, stride, attempt, is_due);
}
