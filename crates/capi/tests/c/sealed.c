/* A station whose key the RA/CA generates, and the same one with a certificate that comes enciphered for a key that does not sign; what comes
 * at the wrong time, or is wrong, is a code and changes nothing; and everything fails once that can, as in faults.c.
 *
 * usage: sealed PORT VENDOR_CERTIFICATE VENDOR_KEY OPERATOR_ROOT SUBJECT SECRET KIND STRIDE
 *
 * SECRET: what the generated key is asked for with, by the reference 4711; "-" for the vendor's key. KIND: of the key that others encipher for,
 * one of CELLCERT_KEY_. STRIDE: 0 lets nothing fail. */
#include "cellcert.h"
#include "cmp_http.h"
#include "try.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE 16384

static struct {
    uint16_t port;
    struct file vendor_certificate, vendor_key, root, subject, own_key;
    const char *secret;
    int32_t kind;
    uint64_t milliseconds;
    int first;
    struct {
        uint8_t octets[MESSAGE];
        size_t len;
    } answers[4];
} house;

struct station {
    uint32_t counter;
    cellcert_context *context;
    cellcert_key *own_key, *vendor_key, *other_key;
    cellcert_signer vendor;
    cellcert_decipherer own, chip, other, opener;
    cellcert_request *request;
    cellcert_identity *identity, *signing;
    cellcert_trust *trust, *nobody;
    cellcert_transaction *transaction, *resumed;
    uint8_t buffer[MESSAGE];
    size_t len;
};

/* A call with a buffer, twice: how long, and then the octets. */
#define READ(s, call, handle)                                      \
    do {                                                           \
        size_t needed_ = 0;                                        \
        TRY(call(handle, NULL, &needed_));                         \
        (s)->len = needed_ - 1;                                    \
        if (house.first) {                                         \
            MUST(CELLCERT_ERR_BUFFER, call(handle, (s)->buffer, &(s)->len)); \
        }                                                          \
        (s)->len = sizeof (s)->buffer;                             \
        TRY(call(handle, (s)->buffer, &(s)->len));                 \
        if ((s)->len != needed_) {                                 \
            return CELLCERT_ERR_BUG;                               \
        }                                                          \
    } while (0)

/* As a secure element would: the key itself stays there, and there is memory of its own. AWS-LC's ECDH needs that, since it does not look whether
 * it got any (EC_KEY_check_fips in aws-lc-sys 0.47). */
static int32_t decipher(void *ctx, int32_t way, const uint8_t *input, size_t input_len, uint8_t *secret, size_t *secret_len)
{
    const cellcert_decipherer *chip = (const cellcert_decipherer *)ctx;
    enum fault fault = world.fault;
    int32_t code;
    if (fails(DECIPHER)) {
        return -1;
    }
    world.fault = NOTHING;
    code = chip->decipher(chip->ctx, way, input, input_len, secret, secret_len);
    world.fault = fault;
    return code;
}

static int32_t nothing(void *ctx, int32_t way, const uint8_t *input, size_t input_len, uint8_t *secret, size_t *secret_len)
{
    (void)ctx, (void)way, (void)input, (void)input_len, (void)secret;
    *secret_len = 0;
    return CELLCERT_OK;
}

static int32_t too_much(void *ctx, int32_t way, const uint8_t *input, size_t input_len, uint8_t *secret, size_t *secret_len)
{
    (void)ctx, (void)way, (void)input, (void)input_len, (void)secret;
    *secret_len += 1;
    return CELLCERT_OK;
}

static int32_t prepare(struct station *s)
{
    cellcert_random random = {world_fill, NULL};
    cellcert_clock clock = {world_now, NULL};
    cellcert_octets root = {house.root.octets, house.root.len};
    random.ctx = &s->counter;
    clock.ctx = &house.milliseconds;
    MAKE(cellcert_context_new(&random, &clock, NULL, &s->context), s->context);
    MAKE(cellcert_key_from_pkcs8(s->context, house.own_key.octets, house.own_key.len, &s->own_key), s->own_key);
    MAKE(cellcert_key_from_pkcs8(s->context, house.vendor_key.octets, house.vendor_key.len, &s->vendor_key),
         s->vendor_key);
    TRY(cellcert_key_signer(s->vendor_key, &s->vendor));
    TRY(cellcert_key_decipherer(s->vendor_key, &s->chip));
    TRY(cellcert_key_decipherer(s->own_key, &s->own));
    s->opener = s->chip;
    s->opener.decipher = decipher;
    s->opener.ctx = &s->chip;
    MAKE(cellcert_trust_new(s->context, &root, 1, &s->trust), s->trust);
    MAKE(cellcert_trust_new(s->context, NULL, 0, &s->nobody), s->nobody);
    MAKE(cellcert_identity_new(s->context, house.vendor_certificate.octets, house.vendor_certificate.len, NULL, 0,
                               s->vendor.algorithm, &s->signing),
         s->signing);
    if (strcmp(house.secret, "-") != 0) {
        MAKE(cellcert_identity_new_secret(s->context, (const uint8_t *)"4711", 4, house.secret, CELLCERT_MAC_PBMAC1, NULL,
                                          0, &s->identity),
             s->identity);
        TRY(cellcert_trust_add_secret(s->context, s->trust, (const uint8_t *)"4711", 4, house.secret));
    }
    return CELLCERT_OK;
}

/* The first time to the RA/CA, and then to its answers of that time. */
static int32_t converse(struct station *s, cellcert_transaction *transaction, size_t number, int32_t *event)
{
    READ(s, cellcert_transaction_message, transaction);
    if (house.answers[number].len == 0) {
        house.answers[number].len = MESSAGE;
        if (cmp_http_exchange(house.port, s->buffer, s->len, house.answers[number].octets, &house.answers[number].len) !=
            0) {
            (void)fprintf(stderr, "the RA/CA does not answer\n");
            exit(2);
        }
    }
    return cellcert_transaction_handle(s->context, transaction, s->trust, house.answers[number].octets,
                                       house.answers[number].len, event);
}

/* Before the key that was generated is opened. */
static void mistakes_with_generated(struct station *s, const cellcert_identity *identity)
{
    cellcert_decipherer wrong = s->chip;
    size_t len = 0;
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_check_certificate(s->context, s->transaction, s->trust));
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_confirm(s->context, s->transaction, identity, &s->vendor));
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_save(s->transaction, NULL, &len));
    MUST(CELLCERT_ERR_NONE, cellcert_transaction_private_key(s->transaction, NULL, &len));
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_open_certificate(s->context, s->transaction, &s->chip));
    MUST(CELLCERT_ERR_NULL, cellcert_transaction_open_private_key(s->context, s->transaction, NULL, identity, &s->chip));
    MUST(CELLCERT_ERR_NULL, cellcert_transaction_open_private_key(s->context, s->transaction, s->trust, NULL, &s->chip));
    MUST(CELLCERT_ERR_TRUST,
         cellcert_transaction_open_private_key(s->context, s->transaction, s->nobody, identity, &s->chip));
    MUST(CELLCERT_ERR_DECIPHER, identity == s->signing ? cellcert_transaction_open_private_key(
                                                             s->context, s->transaction, s->trust, identity, &s->other)
                                                       : CELLCERT_ERR_DECIPHER);
    if (identity == s->signing) {
        MUST(CELLCERT_ERR_NULL, cellcert_transaction_open_private_key(s->context, s->transaction, s->trust, identity, NULL));
        wrong.decipher = nothing;
        MUST(CELLCERT_ERR_DECIPHER,
             cellcert_transaction_open_private_key(s->context, s->transaction, s->trust, identity, &wrong));
        wrong.decipher = too_much;
        MUST(CELLCERT_ERR_DECIPHER,
             cellcert_transaction_open_private_key(s->context, s->transaction, s->trust, identity, &wrong));
        wrong.decipher = NULL;
        MUST(CELLCERT_ERR_NULL, cellcert_transaction_open_private_key(s->context, s->transaction, s->trust, identity, &wrong));
    }
}

static int32_t generated(struct station *s)
{
    int32_t event = 0;
    const cellcert_identity *identity = s->identity != NULL ? s->identity : s->signing;
    MAKE(cellcert_request_new_without_key(s->context, &s->request), s->request);
    if (house.first) {
        MUST(CELLCERT_ERR_STATE, cellcert_crmf_sign(s->context, s->request, &s->vendor));
        MUST(CELLCERT_ERR_STATE, cellcert_pkcs10_sign(s->context, s->request, &s->vendor));
        MUST(CELLCERT_ERR_STATE, cellcert_request_set_public_key_mac(s->context, s->request, "secret"));
        MUST(CELLCERT_ERR_ARGUMENT, cellcert_crmf_generate_key(s->context, s->request, 99));
        MUST(CELLCERT_ERR_STATE, cellcert_request_octets(s->request, NULL, &s->len));
    }
    if (s->identity == NULL) {
        TRY(cellcert_request_set_subject(s->context, s->request, house.subject.octets, house.subject.len));
    }
    TRY(cellcert_crmf_generate_key(s->context, s->request, CELLCERT_KEY_P384));
    READ(s, cellcert_request_octets, s->request);
    MAKE(cellcert_transaction_enrol(s->context, CELLCERT_IR, s->buffer, s->len, &s->transaction), s->transaction);
    TRY(cellcert_transaction_start(s->context, s->transaction, identity, &s->vendor));
    TRY(converse(s, s->transaction, 0, &event));
    if (event != CELLCERT_EVENT_GRANTED) {
        return CELLCERT_ERR_REFUSED;
    }
    if (house.first) {
        mistakes_with_generated(s, identity);
    }
    TRY(cellcert_transaction_open_private_key(s->context, s->transaction, s->trust, identity, &s->opener));
    if (house.first) {
        MUST(CELLCERT_ERR_STATE,
             cellcert_transaction_open_private_key(s->context, s->transaction, s->trust, identity, &s->opener));
    }
    TRY(cellcert_transaction_check_certificate(s->context, s->transaction, s->trust));
    READ(s, cellcert_transaction_private_key, s->transaction);
    if (house.first) {
        write_file("generated-key.der", s->buffer, s->len);
        READ(s, cellcert_transaction_certificate, s->transaction);
        write_file("generated.der", s->buffer, s->len);
    }
    /* The key is elsewhere by then. */
    READ(s, cellcert_transaction_save, s->transaction);
    MAKE(cellcert_transaction_resume(s->context, s->buffer, s->len, &s->resumed), s->resumed);
    TRY(cellcert_transaction_confirm(s->context, s->resumed, identity, &s->vendor));
    TRY(converse(s, s->resumed, 1, &event));
    TRY(cellcert_transaction_free(&s->resumed));
    TRY(cellcert_transaction_free(&s->transaction));
    TRY(cellcert_request_free(&s->request));
    return event == CELLCERT_EVENT_CONFIRMED ? CELLCERT_OK : CELLCERT_ERR_REFUSED;
}

static int32_t sealed(struct station *s)
{
    int32_t event = 0;
    int32_t pop = house.kind == CELLCERT_KEY_P256 ? CELLCERT_POP_KEY_AGREEMENT : CELLCERT_POP_KEY_ENCIPHERMENT;
    size_t len = 0;
    MAKE(cellcert_request_new(s->context, s->own.public_key, s->own.public_key_len, &s->request), s->request);
    TRY(cellcert_request_set_subject(s->context, s->request, house.subject.octets, house.subject.len));
    if (house.first) {
        MUST(CELLCERT_ERR_STATE, cellcert_crmf_generate_key(s->context, s->request, 0));
    }
    TRY(cellcert_crmf_subsequent_message(s->context, s->request, pop, CELLCERT_SUBSEQUENT_ENCR_CERT));
    READ(s, cellcert_request_octets, s->request);
    MAKE(cellcert_transaction_enrol(s->context, CELLCERT_IR, s->buffer, s->len, &s->transaction), s->transaction);
    TRY(cellcert_transaction_start(s->context, s->transaction, s->signing, &s->vendor));
    READ(s, cellcert_transaction_save, s->transaction);
    MAKE(cellcert_transaction_resume(s->context, s->buffer, s->len, &s->resumed), s->resumed);
    TRY(converse(s, s->resumed, 2, &event));
    if (event != CELLCERT_EVENT_SEALED) {
        return CELLCERT_ERR_REFUSED;
    }
    if (house.first) {
        MUST(CELLCERT_ERR_STATE, cellcert_transaction_save(s->resumed, NULL, &len));
        MUST(CELLCERT_ERR_STATE, cellcert_transaction_check_certificate(s->context, s->resumed, s->trust));
        MUST(CELLCERT_ERR_STATE, cellcert_transaction_confirm(s->context, s->resumed, s->signing, &s->vendor));
        MUST(CELLCERT_ERR_NONE, cellcert_transaction_certificate(s->resumed, NULL, &len));
        MUST(CELLCERT_ERR_STATE,
             cellcert_transaction_open_private_key(s->context, s->resumed, s->trust, s->signing, &s->opener));
        MUST(CELLCERT_ERR_CERTIFICATE, cellcert_transaction_open_certificate(s->context, s->resumed, &s->other));
        MUST(CELLCERT_ERR_NULL, cellcert_transaction_open_certificate(s->context, s->resumed, NULL));
    }
    s->opener = s->own;
    s->opener.decipher = decipher;
    s->opener.ctx = &s->own;
    TRY(cellcert_transaction_open_certificate(s->context, s->resumed, &s->opener));
    TRY(cellcert_transaction_check_certificate(s->context, s->resumed, s->trust));
    READ(s, cellcert_transaction_certificate, s->resumed);
    if (house.first) {
        write_file("own.der", s->buffer, s->len);
        write_file("own-key.der", house.own_key.octets, house.own_key.len);
    }
    TRY(cellcert_transaction_confirm(s->context, s->resumed, s->signing, &s->vendor));
    TRY(converse(s, s->resumed, 3, &event));
    return event == CELLCERT_EVENT_CONFIRMED ? CELLCERT_OK : CELLCERT_ERR_REFUSED;
}

static int32_t attempt(void)
{
    static struct station s;
    int32_t code;
    memset(&s, 0, sizeof s);
    /* Another one in each run: the RA/CA knows those before. */
    memcpy(&s.counter, house.own_key.octets + house.own_key.len - sizeof s.counter, sizeof s.counter);
    code = prepare(&s);
    if (house.first) {
        MUST(CELLCERT_OK, cellcert_key_generate(s.context, CELLCERT_KEY_P256, &s.other_key));
        MUST(CELLCERT_OK, cellcert_key_decipherer(s.other_key, &s.other));
    }
    if (code == CELLCERT_OK) {
        code = generated(&s);
    }
    if (code == CELLCERT_OK) {
        code = sealed(&s);
    }
    /* Freeing needs memory, too; there is some again. */
    world.fault = NOTHING;
    (void)cellcert_transaction_free(&s.resumed);
    (void)cellcert_transaction_free(&s.transaction);
    (void)cellcert_trust_free(&s.nobody);
    (void)cellcert_trust_free(&s.trust);
    (void)cellcert_identity_free(&s.signing);
    (void)cellcert_identity_free(&s.identity);
    (void)cellcert_request_free(&s.request);
    (void)cellcert_key_free(&s.other_key);
    (void)cellcert_key_free(&s.vendor_key);
    (void)cellcert_key_free(&s.own_key);
    (void)cellcert_context_free(&s.context);
    return code;
}

/* Whether a code is one that such a fault may lead to. */
static int is_due(enum fault fault, int32_t code)
{
    switch (fault) {
    case RANDOM:
        return code == CELLCERT_ERR_RANDOM || code == CELLCERT_ERR_ALGORITHM;
    case CLOCK:
        return code == CELLCERT_ERR_CLOCK;
    case DECIPHER:
        return code == CELLCERT_ERR_DECIPHER;
    default:
        /* The cryptography's own allocations end in whatever it was doing. */
        return code == CELLCERT_ERR_MEMORY || code == CELLCERT_ERR_KEY || code == CELLCERT_ERR_SIGN ||
               code == CELLCERT_ERR_PROTECTION || code == CELLCERT_ERR_TRUST || code == CELLCERT_ERR_CERTIFICATE ||
               code == CELLCERT_ERR_ALGORITHM || code == CELLCERT_ERR_DECIPHER || code == CELLCERT_ERR_MALFORMED ||
               code == CELLCERT_OK;
    }
}

int main(int argc, char **argv)
{
    const enum fault faults[] = {RANDOM, CLOCK, DECIPHER};
    cellcert_context *context = NULL;
    cellcert_key *key = NULL;
    cellcert_decipherer decipherer;
    long stride;
    int32_t code;
    int failed;
    if (argc != 9 || read_file(argv[2], &house.vendor_certificate) != 0 || read_file(argv[3], &house.vendor_key) != 0 ||
        read_file(argv[4], &house.root) != 0 || read_file(argv[5], &house.subject) != 0) {
        (void)fprintf(stderr, "usage: sealed PORT CERTIFICATE KEY ROOT SUBJECT SECRET KIND STRIDE\n");
        return 2;
    }
    house.port = (uint16_t)strtoul(argv[1], NULL, 10);
    house.secret = argv[6];
    house.kind = (int32_t)strtol(argv[7], NULL, 10);
    stride = strtol(argv[8], NULL, 10);
    /* Later than what is issued now. */
    house.milliseconds = ((uint64_t)time(NULL) + 10) * 1000;
    house.own_key.len = sizeof house.own_key.octets;
    MUST(CELLCERT_OK, cellcert_context_new(NULL, NULL, NULL, &context));
    MUST(CELLCERT_OK, cellcert_key_generate(context, CELLCERT_KEY_ED25519, &key));
    MUST(CELLCERT_ERR_KEY, cellcert_key_decipherer(key, &decipherer));
    MUST(CELLCERT_ERR_NULL, cellcert_key_decipherer(key, NULL));
    MUST(CELLCERT_ERR_NULL, cellcert_key_decipherer(NULL, &decipherer));
    MUST(CELLCERT_OK, cellcert_key_free(&key));
    MUST(CELLCERT_OK, cellcert_key_generate(context, house.kind, &key));
    MUST(CELLCERT_OK, cellcert_key_pkcs8(key, house.own_key.octets, &house.own_key.len));
    MUST(CELLCERT_OK, cellcert_key_free(&key));
    MUST(CELLCERT_OK, cellcert_context_free(&context));
    house.first = 1;
    code = attempt();
    house.first = 0;
    failed = with_faults(code, faults, sizeof faults / sizeof *faults, stride, attempt, is_due);
    (void)printf("done\n");
    return failed;
}
