/* A station at an RA/CA that answers by KEM-based MACs only: it is told so, and brings a ciphertext. What comes at the wrong time, or is wrong,
 * is a code and changes nothing; and everything fails once that can, as in faults.c, but for the RA/CA's answers, which no second secret opens.
 *
 * usage: answerer PORT VENDOR_CERTIFICATE VENDOR_KEY OPERATOR_ROOT SUBJECT CERTIFICATE_OUT KEY_OUT STRIDE
 *
 * STRIDE: 0 lets nothing fail. */
#include "cellcert.h"
#include "cmp_http.h"
#include "try.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE 32768

static struct {
    uint16_t port;
    struct file vendor_certificate, vendor_key, root, subject, own_key;
    const char *certificate_out, *key_out;
    uint64_t milliseconds;
    int first;
    uint8_t refusal[MESSAGE];
    size_t refusal_len;
} house;

struct station {
    uint32_t counter;
    cellcert_context *context;
    cellcert_key *own_key, *vendor_key;
    cellcert_signer own, vendor;
    cellcert_request *request;
    cellcert_identity *identity;
    cellcert_trust *trust, *nobody;
    cellcert_transaction *refused, *transaction;
    uint8_t buffer[MESSAGE], certificate[8192];
    size_t len, certificate_len;
};

/* Sends what the transaction has. */
static void post(struct station *s, cellcert_transaction *transaction, uint8_t *answer, size_t *answer_len)
{
    s->len = sizeof s->buffer;
    *answer_len = MESSAGE;
    MUST(CELLCERT_OK, cellcert_transaction_message(transaction, s->buffer, &s->len));
    if (cmp_http_exchange(house.port, s->buffer, s->len, answer, answer_len) != 0) {
        (void)fprintf(stderr, "the RA/CA does not answer\n");
        exit(2);
    }
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
    TRY(cellcert_key_signer(s->own_key, &s->own));
    TRY(cellcert_key_signer(s->vendor_key, &s->vendor));
    MAKE(cellcert_trust_new(s->context, &root, 1, &s->trust), s->trust);
    MAKE(cellcert_trust_new(s->context, NULL, 0, &s->nobody), s->nobody);
    MAKE(cellcert_identity_new(s->context, house.vendor_certificate.octets, house.vendor_certificate.len, NULL, 0,
                               s->vendor.algorithm, &s->identity),
         s->identity);
    MAKE(cellcert_request_new(s->context, s->own.public_key, s->own.public_key_len, &s->request), s->request);
    TRY(cellcert_request_set_subject(s->context, s->request, house.subject.octets, house.subject.len));
    TRY(cellcert_crmf_sign(s->context, s->request, &s->own));
    s->len = sizeof s->buffer;
    TRY(cellcert_request_octets(s->request, s->buffer, &s->len));
    MAKE(cellcert_transaction_enrol(s->context, CELLCERT_IR, s->buffer, s->len, &s->refused), s->refused);
    MAKE(cellcert_transaction_enrol(s->context, CELLCERT_IR, s->buffer, s->len, &s->transaction), s->transaction);
    return CELLCERT_OK;
}

/* Without a ciphertext: whom one is to be for. */
static int32_t refused(struct station *s)
{
    int32_t event = 0;
    size_t needed = 0;
    TRY(cellcert_transaction_start(s->context, s->refused, s->identity, &s->vendor));
    if (house.refusal_len == 0) {
        post(s, s->refused, house.refusal, &house.refusal_len);
    }
    if (house.first) {
        MUST(CELLCERT_ERR_PROTECTION, cellcert_transaction_handle(s->context, s->refused, s->trust, house.refusal,
                                                                  house.refusal_len, &event));
        MUST(CELLCERT_ERR_STATE, cellcert_transaction_kem_refusal(s->context, s->transaction, s->trust, house.refusal,
                                                                  house.refusal_len, NULL, &needed));
        MUST(CELLCERT_ERR_MALFORMED, cellcert_transaction_kem_refusal(s->context, s->refused, s->trust, house.refusal, 9,
                                                                      NULL, &needed));
        MUST(CELLCERT_ERR_TRUST, cellcert_transaction_kem_refusal(s->context, s->refused, s->nobody, house.refusal,
                                                                  house.refusal_len, NULL, &needed));
        MUST(CELLCERT_ERR_PROTECTION,
             cellcert_transaction_kem_refusal(s->context, s->refused, s->trust, s->buffer, s->len, NULL, &needed));
        s->certificate_len = 1;
        MUST(CELLCERT_ERR_BUFFER, cellcert_transaction_kem_refusal(s->context, s->refused, s->trust, house.refusal,
                                                                   house.refusal_len, s->certificate, &s->certificate_len));
    }
    TRY(cellcert_transaction_kem_refusal(s->context, s->refused, s->trust, house.refusal, house.refusal_len, NULL, &needed));
    s->certificate_len = sizeof s->certificate;
    TRY(cellcert_transaction_kem_refusal(s->context, s->refused, s->trust, house.refusal, house.refusal_len, s->certificate,
                                         &s->certificate_len));
    return needed == s->certificate_len ? CELLCERT_OK : CELLCERT_ERR_BUG;
}

static int32_t brings_a_ciphertext(struct station *s)
{
    if (house.first) {
        MUST(CELLCERT_ERR_TRUST, cellcert_transaction_set_answerer(s->context, s->transaction, s->nobody, s->certificate,
                                                                   s->certificate_len));
        MUST(CELLCERT_ERR_TRUST,
             cellcert_transaction_set_answerer(s->context, s->transaction, s->trust, house.vendor_certificate.octets,
                                               house.vendor_certificate.len));
        MUST(CELLCERT_ERR_KEY, cellcert_transaction_set_answerer(s->context, s->transaction, s->trust, house.root.octets,
                                                                 house.root.len));
        MUST(CELLCERT_ERR_STATE, cellcert_transaction_set_answerer(s->context, s->refused, s->trust, s->certificate,
                                                                   s->certificate_len));
    }
    TRY(cellcert_transaction_set_answerer(s->context, s->transaction, s->trust, s->certificate, s->certificate_len));
    return cellcert_transaction_start(s->context, s->transaction, s->identity, &s->vendor);
}

static void is_answered(struct station *s)
{
    static uint8_t answer[MESSAGE];
    size_t answer_len, len = 0;
    int32_t event = 0;
    MUST(CELLCERT_ERR_UNSUPPORTED, cellcert_transaction_save(s->transaction, NULL, &len));
    post(s, s->transaction, answer, &answer_len);
    answer[100] ^= 1;
    MUST(1, cellcert_transaction_handle(s->context, s->transaction, s->trust, answer, answer_len, &event) != CELLCERT_OK);
    answer[100] ^= 1;
    MUST(CELLCERT_OK, cellcert_transaction_handle(s->context, s->transaction, s->trust, answer, answer_len, &event));
    MUST(CELLCERT_EVENT_GRANTED, event);
    MUST(CELLCERT_OK, cellcert_transaction_check_certificate(s->context, s->transaction, s->trust));
    s->len = sizeof s->buffer;
    MUST(CELLCERT_OK, cellcert_transaction_certificate(s->transaction, s->buffer, &s->len));
    write_file(house.certificate_out, s->buffer, s->len);
    write_file(house.key_out, house.own_key.octets, house.own_key.len);
    MUST(CELLCERT_OK, cellcert_transaction_confirm(s->context, s->transaction, s->identity, &s->vendor));
    post(s, s->transaction, answer, &answer_len);
    MUST(CELLCERT_OK, cellcert_transaction_handle(s->context, s->transaction, s->trust, answer, answer_len, &event));
    MUST(CELLCERT_EVENT_CONFIRMED, event);
}

static int32_t attempt(void)
{
    static struct station s;
    int32_t code;
    memset(&s, 0, sizeof s);
    /* Another one in each run: the RA/CA knows those before. */
    memcpy(&s.counter, house.own_key.octets + house.own_key.len - sizeof s.counter, sizeof s.counter);
    code = prepare(&s);
    if (code == CELLCERT_OK) {
        code = refused(&s);
    }
    if (code == CELLCERT_OK) {
        code = brings_a_ciphertext(&s);
    }
    if (code == CELLCERT_OK && house.first) {
        is_answered(&s);
    }
    /* Freeing needs memory, too; there is some again. */
    world.fault = NOTHING;
    (void)cellcert_transaction_free(&s.transaction);
    (void)cellcert_transaction_free(&s.refused);
    (void)cellcert_trust_free(&s.nobody);
    (void)cellcert_trust_free(&s.trust);
    (void)cellcert_identity_free(&s.identity);
    (void)cellcert_request_free(&s.request);
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
    default:
        /* The cryptography's own allocations end in whatever it was doing. */
        return code == CELLCERT_ERR_MEMORY || code == CELLCERT_ERR_KEY || code == CELLCERT_ERR_SIGN ||
               code == CELLCERT_ERR_PROTECTION || code == CELLCERT_ERR_TRUST || code == CELLCERT_ERR_CERTIFICATE ||
               code == CELLCERT_ERR_ALGORITHM || code == CELLCERT_OK;
    }
}

int main(int argc, char **argv)
{
    const enum fault faults[] = {RANDOM, CLOCK};
    cellcert_context *context = NULL;
    cellcert_key *key = NULL;
    long stride;
    int32_t code;
    int failed;
    if (argc != 9 || read_file(argv[2], &house.vendor_certificate) != 0 || read_file(argv[3], &house.vendor_key) != 0 ||
        read_file(argv[4], &house.root) != 0 || read_file(argv[5], &house.subject) != 0) {
        (void)fprintf(stderr, "usage: answerer PORT CERTIFICATE KEY ROOT SUBJECT CERTIFICATE_OUT KEY_OUT STRIDE\n");
        return 2;
    }
    house.port = (uint16_t)strtoul(argv[1], NULL, 10);
    house.certificate_out = argv[6];
    house.key_out = argv[7];
    stride = strtol(argv[8], NULL, 10);
    /* Later than what is issued now. */
    house.milliseconds = ((uint64_t)time(NULL) + 10) * 1000;
    house.own_key.len = sizeof house.own_key.octets;
    MUST(CELLCERT_OK, cellcert_context_new(NULL, NULL, NULL, &context));
    MUST(CELLCERT_OK, cellcert_key_generate(context, CELLCERT_KEY_P256, &key));
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
