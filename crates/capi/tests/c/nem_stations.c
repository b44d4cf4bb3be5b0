/* A NEM and a station that speaks CMP itself: whether it is there, its messages on their way up and what is said of those that do not go, and the
 * NEM's own next certificate. What is wrong is a code; and everything fails once that can, as in faults.c.
 *
 * usage: nem_stations PORT NEM_CERTIFICATE NEM_KEY OPERATOR_ROOT VENDOR_ROOT VENDOR_CERTIFICATE VENDOR_KEY PKCS10 STATION PASSING STRIDE
 *
 * PASSING: one of the CELLCERT_PASSING_ constants. STRIDE: 0 lets nothing fail. */
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
    struct file certificate, key, root, vendor_root, vendor_certificate, vendor_key, own_key, next_key, request;
    const char *station;
    int32_t passing;
    uint64_t milliseconds;
    int first;
    struct {
        uint8_t octets[MESSAGE];
        size_t len;
    } answers[4];
} house;

struct all {
    uint32_t counter;
    cellcert_context *context;
    cellcert_key *key, *vendor_key, *own_key, *next_key;
    cellcert_signer signer, vendor, own, next, chip;
    cellcert_identity *identity, *station, *renewed;
    cellcert_trust *trust, *nems;
    cellcert_nem *nem;
    cellcert_request *asked, *update;
    cellcert_transaction *transaction, *kur, *refused, *bare;
    cellcert_passage *passage, *other;
    cellcert_octets vendor_certificate;
    cellcert_shown shown;
    uint8_t subject[256], buffer[MESSAGE], message[MESSAGE], certificate[4096];
    size_t subject_len, len, message_len, certificate_len;
};

/* What holds whatever fails. */
#define HOLDS(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            (void)fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
            return CELLCERT_ERR_BUG;                                             \
        }                                                                        \
    } while (0)

/* What should end so and does; or what it ended with. */
static int32_t due(int32_t expected, int32_t code)
{
    return code == expected ? CELLCERT_OK : code == CELLCERT_OK ? CELLCERT_ERR_BUG : code;
}

static int32_t name_of(const struct all *a, const char *organization, const char *name, uint8_t *out, size_t *len)
{
    cellcert_name_part part[2];
    part[0].attribute = CELLCERT_NAME_ORGANIZATION;
    part[0].value = organization;
    part[1].attribute = CELLCERT_NAME_COMMON_NAME;
    part[1].value = name;
    return cellcert_name(a->context, part, 2, out, len);
}

static int32_t new_nem(struct all *a, const cellcert_octets *root)
{
    cellcert_ledger ledger = {ledger_map_get, ledger_map_next, ledger_map_write, NULL};
    cellcert_octets vendor_root = {house.vendor_root.octets, house.vendor_root.len};
    cellcert_upstream upstream;
    cellcert_station station;
    cellcert_nem_config config;
    memset(&upstream, 0, sizeof upstream);
    memset(&station, 0, sizeof station);
    memset(&config, 0, sizeof config);
    upstream.name = "raca";
    upstream.identity = a->identity;
    upstream.signer = &a->signer;
    upstream.trust = a->trust;
    station.name = house.station;
    station.subject.data = a->subject;
    station.subject.len = a->subject_len;
    station.vendor_subject = station.subject;
    config.upstreams = &upstream;
    config.upstream_count = 1;
    config.stations = &station;
    config.station_count = 1;
    config.vendor_anchors = &vendor_root;
    config.vendor_anchor_count = 1;
    config.operator_anchors = root;
    config.operator_anchor_count = 1;
    config.ledger = &ledger;
    return cellcert_nem_new(a->context, &config, &a->nem);
}

static int32_t prepare(struct all *a)
{
    cellcert_random random = {world_fill, NULL};
    cellcert_clock clock = {world_now, NULL};
    cellcert_octets root = {house.root.octets, house.root.len};
    random.ctx = &a->counter;
    clock.ctx = &house.milliseconds;
    MAKE(cellcert_context_new(&random, &clock, NULL, &a->context), a->context);
    MAKE(cellcert_key_from_pkcs8(a->context, house.key.octets, house.key.len, &a->key), a->key);
    MAKE(cellcert_key_from_pkcs8(a->context, house.vendor_key.octets, house.vendor_key.len, &a->vendor_key), a->vendor_key);
    MAKE(cellcert_key_from_pkcs8(a->context, house.own_key.octets, house.own_key.len, &a->own_key), a->own_key);
    MAKE(cellcert_key_from_pkcs8(a->context, house.next_key.octets, house.next_key.len, &a->next_key), a->next_key);
    TRY(cellcert_key_signer(a->key, &a->chip));
    a->signer = a->chip;
    a->signer.sign = world_sign;
    a->signer.ctx = &a->chip;
    TRY(cellcert_key_signer(a->vendor_key, &a->vendor));
    TRY(cellcert_key_signer(a->own_key, &a->own));
    TRY(cellcert_key_signer(a->next_key, &a->next));
    MAKE(cellcert_identity_new(a->context, house.certificate.octets, house.certificate.len, NULL, 0, a->signer.algorithm,
                               &a->identity),
         a->identity);
    MAKE(cellcert_identity_new(a->context, house.vendor_certificate.octets, house.vendor_certificate.len, NULL, 0,
                               a->vendor.algorithm, &a->station),
         a->station);
    MAKE(cellcert_trust_new(a->context, &root, 1, &a->trust), a->trust);
    a->subject_len = sizeof a->subject;
    TRY(name_of(a, "Vendor", house.station, a->subject, &a->subject_len));
    a->vendor_certificate.data = house.vendor_certificate.octets;
    a->vendor_certificate.len = house.vendor_certificate.len;
    a->shown.certificates = &a->vendor_certificate;
    a->shown.certificate_count = 1;
    MAKE(new_nem(a, &root), a->nem);
    return CELLCERT_OK;
}

/* Who is there. */
static int32_t presence(struct all *a)
{
    int32_t connected = -1;
    uint64_t last = 77;
    size_t count = 77;
    uint8_t id[16];
    char name[64];
    size_t len = sizeof name;
    TRY(cellcert_nem_presence(a->context, a->nem, house.station, &connected, &last));
    HOLDS(connected == 1 && last == 0);
    TRY(cellcert_nem_report(a->context, a->nem, house.station, 0));
    TRY(cellcert_nem_presence(a->context, a->nem, house.station, &connected, NULL));
    TRY(cellcert_nem_connected_stations(a->context, a->nem, &count));
    HOLDS(connected == 0 && count == 0);
    TRY(due(CELLCERT_ERR_ABSENT, cellcert_nem_identify(a->context, a->nem, &a->shown, name, &len)));
    TRY(due(CELLCERT_ERR_ABSENT, cellcert_nem_upload(a->context, a->nem, &a->shown, CELLCERT_UPLOAD_PKCS10,
                                                     house.request.octets, house.request.len, NULL, id, NULL)));
    TRY(due(CELLCERT_ERR_STATION, cellcert_nem_report(a->context, a->nem, "nobody", 1)));
    TRY(due(CELLCERT_ERR_STATION, cellcert_nem_presence(a->context, a->nem, "nobody", &connected, NULL)));
    TRY(cellcert_nem_report(a->context, a->nem, house.station, 1));
    TRY(cellcert_nem_identify(a->context, a->nem, &a->shown, name, &len));
    HOLDS(strcmp(name, house.station) == 0);
    TRY(cellcert_nem_presence(a->context, a->nem, house.station, &connected, &last));
    HOLDS(connected == 1 && last == house.milliseconds / 1000);
    /* Reports alone count, and there was one. */
    TRY(cellcert_nem_set_liveness(a->context, a->nem, 60, 0, 1));
    TRY(cellcert_nem_connected_stations(a->context, a->nem, &count));
    HOLDS(count == 1);
    house.milliseconds += 61000;
    if (cellcert_nem_connected_stations(a->context, a->nem, &count) != CELLCERT_OK) {
        house.milliseconds -= 61000;
        return world.fault == CLOCK ? CELLCERT_ERR_CLOCK : CELLCERT_ERR_MEMORY;
    }
    house.milliseconds -= 61000;
    HOLDS(count == 0);
    return cellcert_nem_set_liveness(a->context, a->nem, 0, 1, 0);
}

/* The first time to the RA/CA, and then its answer of that time: in `message`. */
static void post(struct all *a, const uint8_t *octets, size_t len, size_t number)
{
    if (house.answers[number].len == 0) {
        house.answers[number].len = MESSAGE;
        if (cmp_http_exchange(house.port, octets, len, house.answers[number].octets, &house.answers[number].len) != 0) {
            (void)fprintf(stderr, "the RA/CA does not answer\n");
            exit(2);
        }
    }
    memcpy(a->message, house.answers[number].octets, house.answers[number].len);
    a->message_len = house.answers[number].len;
}

/* The NEM's next certificate, by the transaction that stations have for that. */
static int32_t renewal(struct all *a)
{
    uint64_t renew = 0, end = 0;
    int32_t event = 0;
    size_t len = sizeof a->buffer;
    TRY(cellcert_renewal_times(a->context, house.certificate.octets, house.certificate.len, &renew, &end));
    HOLDS(renew > house.milliseconds / 1000 && end > renew);
    MAKE(cellcert_request_new(a->context, a->next.public_key, a->next.public_key_len, &a->update), a->update);
    TRY(name_of(a, "Operator", "nem", a->buffer, &len));
    TRY(cellcert_request_set_subject(a->context, a->update, a->buffer, len));
    TRY(cellcert_request_set_old_certificate(a->context, a->update, house.certificate.octets, house.certificate.len));
    TRY(cellcert_crmf_sign(a->context, a->update, &a->next));
    a->len = sizeof a->buffer;
    TRY(cellcert_request_octets(a->update, a->buffer, &a->len));
    MAKE(cellcert_transaction_enrol(a->context, CELLCERT_KUR, a->buffer, a->len, &a->kur), a->kur);
    TRY(cellcert_transaction_start(a->context, a->kur, a->identity, &a->signer));
    a->len = sizeof a->buffer;
    TRY(cellcert_transaction_message(a->kur, a->buffer, &a->len));
    post(a, a->buffer, a->len, 0);
    TRY(cellcert_transaction_handle(a->context, a->kur, a->trust, a->message, a->message_len, &event));
    HOLDS(event == CELLCERT_EVENT_GRANTED);
    TRY(cellcert_transaction_check_certificate(a->context, a->kur, a->trust));
    a->certificate_len = sizeof a->certificate;
    TRY(cellcert_transaction_certificate(a->kur, a->certificate, &a->certificate_len));
    TRY(cellcert_transaction_confirm(a->context, a->kur, a->identity, &a->signer));
    a->len = sizeof a->buffer;
    TRY(cellcert_transaction_message(a->kur, a->buffer, &a->len));
    post(a, a->buffer, a->len, 1);
    TRY(cellcert_transaction_handle(a->context, a->kur, a->trust, a->message, a->message_len, &event));
    HOLDS(event == CELLCERT_EVENT_CONFIRMED);
    MAKE(cellcert_identity_new(a->context, a->certificate, a->certificate_len, NULL, 0, a->next.algorithm, &a->renewed),
         a->renewed);
    TRY(due(CELLCERT_ERR_UPSTREAM, cellcert_nem_set_credential(a->context, a->nem, "nobody", a->renewed, &a->next)));
    TRY(due(CELLCERT_ERR_KEY, cellcert_nem_set_credential(a->context, a->nem, "raca", a->renewed, &a->vendor)));
    return cellcert_nem_set_credential(a->context, a->nem, "raca", a->renewed, &a->next);
}

/* One message up, and its answer back. */
static int32_t pass(struct all *a, size_t number, int32_t *event)
{
    int32_t again = -1;
    a->len = sizeof a->buffer;
    TRY(cellcert_transaction_message(a->transaction, a->buffer, &a->len));
    MAKE(cellcert_nem_pass_up(a->context, a->nem, &a->shown, a->buffer, a->len, house.passing, &a->passage), a->passage);
    a->message_len = sizeof a->message;
    TRY(cellcert_passage_upstream(a->passage, (char *)a->message, &a->message_len));
    HOLDS(strcmp((const char *)a->message, "raca") == 0);
    a->message_len = sizeof a->message;
    TRY(cellcert_passage_station(a->passage, (char *)a->message, &a->message_len));
    HOLDS(strcmp((const char *)a->message, house.station) == 0);
    a->message_len = sizeof a->message;
    TRY(cellcert_passage_message(a->passage, a->message, &a->message_len));
    HOLDS((house.passing == CELLCERT_PASSING_UNCHANGED) ==
              (a->message_len == a->len && memcmp(a->message, a->buffer, a->len) == 0) ||
          number == 3);
    post(a, a->message, a->message_len, number);
    TRY(cellcert_nem_take_passed(a->context, a->nem, a->passage, a->message, a->message_len, &again));
    HOLDS(again == 0);
    TRY(cellcert_passage_free(&a->passage));
    return cellcert_transaction_handle(a->context, a->transaction, a->trust, a->message, a->message_len, event);
}

static int32_t begin(struct all *a, cellcert_transaction **out)
{
    a->len = sizeof a->buffer;
    TRY(cellcert_request_octets(a->asked, a->buffer, &a->len));
    MAKE(cellcert_transaction_enrol(a->context, CELLCERT_IR, a->buffer, a->len, out), *out);
    return cellcert_transaction_start(a->context, *out, a->station, &a->vendor);
}

static int32_t passing(struct all *a)
{
    int32_t event = 0;
    MAKE(cellcert_request_new(a->context, a->own.public_key, a->own.public_key_len, &a->asked), a->asked);
    TRY(cellcert_request_set_subject(a->context, a->asked, a->subject, a->subject_len));
    TRY(cellcert_crmf_sign(a->context, a->asked, &a->own));
    TRY(begin(a, &a->transaction));
    if (house.first) {
        a->len = sizeof a->buffer;
        MUST(CELLCERT_OK, cellcert_transaction_message(a->transaction, a->buffer, &a->len));
        MUST(CELLCERT_ERR_ARGUMENT,
             cellcert_nem_pass_up(a->context, a->nem, &a->shown, a->buffer, a->len, 3, &a->passage));
        MUST(CELLCERT_ERR_NULL, cellcert_nem_pass_up(a->context, a->nem, &a->shown, a->buffer, a->len, 0, NULL));
        MUST(CELLCERT_ERR_NULL, cellcert_nem_pass_up(a->context, a->nem, NULL, a->buffer, a->len, 0, &a->passage));
        MUST(CELLCERT_ERR_MALFORMED, cellcert_nem_pass_up(a->context, a->nem, &a->shown, a->buffer, 9, 0, &a->passage));
        MUST(1, a->passage == NULL);
    }
    TRY(pass(a, 2, &event));
    HOLDS(event == CELLCERT_EVENT_GRANTED);
    TRY(cellcert_transaction_check_certificate(a->context, a->transaction, a->trust));
    TRY(cellcert_transaction_confirm(a->context, a->transaction, a->station, &a->vendor));
    TRY(pass(a, 3, &event));
    HOLDS(event == CELLCERT_EVENT_CONFIRMED);
    return CELLCERT_OK;
}

/* What does not go up is refused in the NEM's name. */
static int32_t refusal(struct all *a)
{
    int32_t event = 0, status = -1;
    uint32_t why = 0;
    cellcert_octets signer = {NULL, 0};
    signer.data = a->certificate;
    signer.len = a->certificate_len;
    MAKE(cellcert_trust_new(a->context, NULL, 0, &a->nems), a->nems);
    TRY(cellcert_trust_add_signers(a->context, a->nems, &signer, 1));
    TRY(begin(a, &a->refused));
    a->len = sizeof a->buffer;
    TRY(cellcert_transaction_message(a->refused, a->buffer, &a->len));
    TRY(due(CELLCERT_ERR_NONE, cellcert_nem_refusal(a->nem, NULL, &a->message_len)));
    TRY(due(CELLCERT_ERR_ARGUMENT, cellcert_nem_refuse_message(a->context, a->nem, a->buffer, a->len, 99, "no")));
    TRY(cellcert_nem_refuse_message(a->context, a->nem, a->buffer, a->len, 23, "not today"));
    a->message_len = sizeof a->message;
    TRY(cellcert_nem_refusal(a->nem, a->message, &a->message_len));
    TRY(cellcert_transaction_handle(a->context, a->refused, a->nems, a->message, a->message_len, &event));
    HOLDS(event == CELLCERT_EVENT_REFUSED);
    TRY(cellcert_transaction_status(a->refused, &status, &why));
    HOLDS(status == CELLCERT_STATUS_REJECTION && why == UINT32_C(1) << 23);
    return CELLCERT_OK;
}

/* An RA/CA that does not know added protection, which raca does: its answer is made here. */
static int32_t added_in_vain(struct all *a)
{
    int32_t again = -1;
    TRY(begin(a, &a->bare));
    a->len = sizeof a->buffer;
    TRY(cellcert_transaction_message(a->bare, a->buffer, &a->len));
    MAKE(cellcert_nem_pass_up(a->context, a->nem, &a->shown, a->buffer, a->len, CELLCERT_PASSING_ADDED, &a->passage),
         a->passage);
    TRY(cellcert_nem_refuse_message(a->context, a->nem, a->buffer, a->len, 2, "what is this?"));
    a->message_len = sizeof a->message;
    TRY(cellcert_nem_refusal(a->nem, a->message, &a->message_len));
    TRY(cellcert_nem_take_passed(a->context, a->nem, a->passage, a->message, a->message_len, &again));
    HOLDS(again == 1);
    a->message_len = sizeof a->message;
    TRY(cellcert_passage_message(a->passage, a->message, &a->message_len));
    HOLDS(a->message_len == a->len && memcmp(a->message, a->buffer, a->len) == 0);
    TRY(cellcert_nem_take_passed(a->context, a->nem, a->passage, house.answers[2].octets, house.answers[2].len, &again));
    HOLDS(again == 0);
    /* From now on it gets nothing so. */
    MAKE(cellcert_nem_pass_up(a->context, a->nem, &a->shown, a->buffer, a->len, CELLCERT_PASSING_ADDED, &a->other),
         a->other);
    a->message_len = sizeof a->message;
    TRY(cellcert_passage_message(a->other, a->message, &a->message_len));
    HOLDS(a->message_len == a->len && memcmp(a->message, a->buffer, a->len) == 0);
    return CELLCERT_OK;
}

static int32_t asking(struct all *a)
{
    uint8_t id[16], found[16], other[16];
    uint64_t since = 0;
    TRY(cellcert_nem_upload(a->context, a->nem, &a->shown, CELLCERT_UPLOAD_PKCS10, house.request.octets, house.request.len,
                            "first", id, NULL));
    TRY(cellcert_nem_request_of(a->nem, house.station, "first", found));
    HOLDS(memcmp(id, found, sizeof id) == 0);
    TRY(cellcert_nem_request_at(a->nem, house.station, 0, found));
    HOLDS(memcmp(id, found, sizeof id) == 0);
    /* The certificate of the station's own transaction. */
    TRY(cellcert_nem_request_at(a->nem, house.station, 1, other));
    HOLDS(memcmp(id, other, sizeof id) != 0);
    TRY(due(CELLCERT_ERR_NONE, cellcert_nem_request_at(a->nem, house.station, 2, other)));
    TRY(due(CELLCERT_ERR_NONE, cellcert_nem_request_at(a->nem, house.station, SIZE_MAX, other)));
    TRY(due(CELLCERT_ERR_NONE, cellcert_nem_outage(a->nem, &since)));
    /* Vendors' CAs may change: then it is nobody. */
    TRY(cellcert_nem_set_anchors(a->context, a->nem, NULL, 0, NULL, 0));
    a->len = sizeof a->buffer;
    TRY(due(CELLCERT_ERR_TRUST, cellcert_nem_identify(a->context, a->nem, &a->shown, (char *)a->buffer, &a->len)));
    TRY(due(CELLCERT_ERR_NONE, cellcert_nem_request_of(a->nem, house.station, "second", other)));
    return due(CELLCERT_ERR_NONE, cellcert_nem_request_of(a->nem, "nobody", "first", other));
}

static int32_t attempt(void)
{
    static struct all a;
    int32_t code;
    memset(&a, 0, sizeof a);
    ledger_map_count = 0;
    /* Another one in each run: the RA/CA knows those before. */
    memcpy(&a.counter, house.own_key.octets + house.own_key.len - sizeof a.counter, sizeof a.counter);
    code = prepare(&a);
    code = code == CELLCERT_OK ? presence(&a) : code;
    code = code == CELLCERT_OK ? renewal(&a) : code;
    code = code == CELLCERT_OK ? passing(&a) : code;
    code = code == CELLCERT_OK ? refusal(&a) : code;
    code = code == CELLCERT_OK ? added_in_vain(&a) : code;
    code = code == CELLCERT_OK ? asking(&a) : code;
    /* Freeing needs memory, too; there is some again. */
    world.fault = NOTHING;
    (void)cellcert_passage_free(&a.other);
    (void)cellcert_passage_free(&a.passage);
    (void)cellcert_transaction_free(&a.bare);
    (void)cellcert_transaction_free(&a.refused);
    (void)cellcert_transaction_free(&a.kur);
    (void)cellcert_transaction_free(&a.transaction);
    (void)cellcert_request_free(&a.update);
    (void)cellcert_request_free(&a.asked);
    (void)cellcert_nem_free(&a.nem);
    (void)cellcert_trust_free(&a.nems);
    (void)cellcert_trust_free(&a.trust);
    (void)cellcert_identity_free(&a.renewed);
    (void)cellcert_identity_free(&a.station);
    (void)cellcert_identity_free(&a.identity);
    (void)cellcert_key_free(&a.next_key);
    (void)cellcert_key_free(&a.own_key);
    (void)cellcert_key_free(&a.vendor_key);
    (void)cellcert_key_free(&a.key);
    (void)cellcert_context_free(&a.context);
    return code;
}

/* Whether a code is one that such a fault may lead to. */
static int is_due(enum fault fault, int32_t code)
{
    switch (fault) {
    case RANDOM:
        /* OK: what the NEM sends by itself it tries again. */
        return code == CELLCERT_ERR_RANDOM || code == CELLCERT_ERR_LEDGER || code == CELLCERT_ERR_ALGORITHM ||
               code == CELLCERT_OK;
    case CLOCK:
        return code == CELLCERT_ERR_CLOCK;
    case SIGN:
        return code == CELLCERT_ERR_SIGN;
    case LEDGER:
        return code == CELLCERT_ERR_LEDGER || code == CELLCERT_OK;
    default:
        /* The cryptography's own allocations end in whatever it was doing. TRANSACTION: of a certificate that it cannot verify the NEM takes no
         * note, needs no randomness for that, and sends other nonces than those that were answered. */
        return code == CELLCERT_ERR_MEMORY || code == CELLCERT_ERR_LEDGER || code == CELLCERT_ERR_KEY ||
               code == CELLCERT_ERR_SIGN || code == CELLCERT_ERR_POP || code == CELLCERT_ERR_TRUST ||
               code == CELLCERT_ERR_PROTECTION || code == CELLCERT_ERR_CERTIFICATE || code == CELLCERT_ERR_STATION ||
               code == CELLCERT_ERR_REFUSED || code == CELLCERT_ERR_TRANSACTION || code == CELLCERT_OK;
    }
}

static int new_key(cellcert_context *context, struct file *file)
{
    cellcert_key *key = NULL;
    file->len = sizeof file->octets;
    return cellcert_key_generate(context, CELLCERT_KEY_P256, &key) == CELLCERT_OK &&
           cellcert_key_pkcs8(key, file->octets, &file->len) == CELLCERT_OK && cellcert_key_free(&key) == CELLCERT_OK;
}

int main(int argc, char **argv)
{
    const enum fault faults[] = {RANDOM, CLOCK, SIGN, LEDGER};
    cellcert_context *context = NULL;
    long stride;
    int32_t code;
    int failed;
    if (argc != 12 || read_file(argv[2], &house.certificate) != 0 || read_file(argv[3], &house.key) != 0 ||
        read_file(argv[4], &house.root) != 0 || read_file(argv[5], &house.vendor_root) != 0 ||
        read_file(argv[6], &house.vendor_certificate) != 0 || read_file(argv[7], &house.vendor_key) != 0 ||
        read_file(argv[8], &house.request) != 0) {
        (void)fprintf(stderr, "usage: nem_stations PORT CERTIFICATE KEY ROOT VENDOR_ROOT VENDOR_CERTIFICATE VENDOR_KEY "
                              "PKCS10 STATION PASSING STRIDE\n");
        return 2;
    }
    house.port = (uint16_t)strtoul(argv[1], NULL, 10);
    house.station = argv[9];
    house.passing = (int32_t)strtol(argv[10], NULL, 10);
    stride = strtol(argv[11], NULL, 10);
    /* Later than what is issued now. */
    house.milliseconds = ((uint64_t)time(NULL) + 10) * 1000;
    if (cellcert_context_new(NULL, NULL, NULL, &context) != CELLCERT_OK || !new_key(context, &house.own_key) ||
        !new_key(context, &house.next_key) || cellcert_context_free(&context) != CELLCERT_OK) {
        return 2;
    }
    house.first = 1;
    code = attempt();
    house.first = 0;
    failed = with_faults(code, faults, sizeof faults / sizeof *faults, stride, attempt, is_due);
    (void)printf("done\n");
    return failed;
}
