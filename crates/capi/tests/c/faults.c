/* An enrolment in which everything fails once that can: each callback, and each allocation.
 *
 * usage: faults PORT VENDOR_CERTIFICATE VENDOR_KEY OPERATOR_ROOT ORGANIZATION COMMON_NAME STRIDE
 *
 * The first enrolment goes to the RA/CA; its answers serve all that follow, which send the same octets but for the signatures. STRIDE: only
 * every so many allocations one is made to fail, for the slow tools. */
#include "cellcert.h"
#include "cmp_http.h"
#include "try.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int32_t verify(void *ctx, int32_t algorithm, const uint8_t *public_key, size_t public_key_len,
                      const uint8_t *octets, size_t octets_len, const uint8_t *signature, size_t signature_len)
{
    (void)ctx, (void)algorithm, (void)public_key, (void)public_key_len;
    (void)octets, (void)octets_len, (void)signature, (void)signature_len;
    return fails(VERIFY) ? -1 : CELLCERT_ERR_UNSUPPORTED;
}

#define MESSAGE 16384

static struct {
    uint16_t port;
    struct file vendor_certificate, vendor_key, root, own_key;
    const char *organization, *common_name;
    uint64_t milliseconds;
    struct {
        uint8_t octets[MESSAGE];
        size_t len;
    } answers[2];
} house;

struct enrolment {
    uint32_t counter;
    cellcert_context *context;
    cellcert_key *own_key, *vendor_key;
    cellcert_signer own, chip, vendor;
    cellcert_request *request;
    cellcert_verified *verified;
    cellcert_identity *identity, *secret;
    cellcert_trust *trust;
    cellcert_transaction *transaction, *resumed, *question;
    uint8_t buffer[MESSAGE];
    size_t len;
};

/* A call with a buffer, twice: how long, and then the octets. */
#define READ(e, call, handle)                                      \
    do {                                                           \
        size_t needed_ = 0;                                        \
        TRY(call(handle, NULL, &needed_));                         \
        (e)->len = sizeof (e)->buffer;                             \
        TRY(call(handle, (e)->buffer, &(e)->len));                 \
        if ((e)->len != needed_) {                                 \
            return CELLCERT_ERR_BUG;                               \
        }                                                          \
    } while (0)

static int32_t prepare(struct enrolment *e)
{
    cellcert_random random = {world_fill, NULL};
    cellcert_clock clock = {world_now, NULL};
    cellcert_verifier verifier = {verify, NULL};
    cellcert_octets root = {house.root.octets, house.root.len};
    random.ctx = &e->counter;
    clock.ctx = &house.milliseconds;
    MAKE(cellcert_context_new(&random, &clock, &verifier, &e->context), e->context);
    MAKE(cellcert_key_from_pkcs8(e->context, house.own_key.octets, house.own_key.len, &e->own_key), e->own_key);
    MAKE(cellcert_key_from_pkcs8(e->context, house.vendor_key.octets, house.vendor_key.len, &e->vendor_key),
         e->vendor_key);
    TRY(cellcert_key_signer(e->own_key, &e->own));
    TRY(cellcert_key_signer(e->vendor_key, &e->chip));
    e->vendor = e->chip;
    e->vendor.sign = world_sign;
    e->vendor.ctx = &e->chip;
    MAKE(cellcert_trust_new(e->context, &root, 1, &e->trust), e->trust);
    TRY(cellcert_trust_set_time_window(e->context, e->trust, 600));
    MAKE(cellcert_identity_new(e->context, house.vendor_certificate.octets, house.vendor_certificate.len, NULL, 0,
                               CELLCERT_SIG_ECDSA_SHA256, &e->identity),
         e->identity);
    return CELLCERT_OK;
}

static int32_t request(struct enrolment *e)
{
    static const char host[] = "enb1.vendor.example";
    cellcert_name_part name[2];
    int64_t id;
    name[0].attribute = CELLCERT_NAME_ORGANIZATION;
    name[0].value = house.organization;
    name[1].attribute = CELLCERT_NAME_COMMON_NAME;
    name[1].value = house.common_name;
    MAKE(cellcert_request_new(e->context, e->own.public_key, e->own.public_key_len, &e->request), e->request);
    e->len = sizeof e->buffer;
    TRY(cellcert_name(e->context, name, 2, e->buffer, &e->len));
    TRY(cellcert_request_set_subject(e->context, e->request, e->buffer, e->len));

    /* PKCS #10, signed elsewhere. */
    TRY(cellcert_request_add_alternative_name(e->context, e->request, CELLCERT_ALTERNATIVE_DNS,
                                              (const uint8_t *)host, sizeof host - 1));
    TRY(cellcert_request_set_challenge_password(e->context, e->request, "secret"));
    e->len = sizeof e->buffer;
    TRY(cellcert_pkcs10_to_be_signed(e->context, e->request, e->buffer, &e->len));
    TRY(cellcert_pkcs10_sign(e->context, e->request, &e->own));
    READ(e, cellcert_request_octets, e->request);
    MAKE(cellcert_pkcs10_verify(e->context, e->buffer, e->len, &e->verified), e->verified);
    READ(e, cellcert_verified_subject, e->verified);
    READ(e, cellcert_verified_extensions, e->verified);
    TRY(cellcert_verified_free(&e->verified));
    TRY(cellcert_request_free(&e->request));

    /* CRMF: with a publicKeyMAC, and the one that goes up. */
    MAKE(cellcert_request_new(e->context, e->own.public_key, e->own.public_key_len, &e->request), e->request);
    TRY(cellcert_request_set_public_key_mac(e->context, e->request, "secret"));
    TRY(cellcert_crmf_sign(e->context, e->request, &e->own));
    READ(e, cellcert_request_octets, e->request);
    MAKE(cellcert_crmf_verify_with_secret(e->context, e->buffer, e->len, "secret", &e->verified), e->verified);
    TRY(cellcert_verified_free(&e->verified));
    TRY(cellcert_request_free(&e->request));
    MAKE(cellcert_request_new(e->context, e->own.public_key, e->own.public_key_len, &e->request), e->request);
    e->len = sizeof e->buffer;
    TRY(cellcert_name(e->context, name, 2, e->buffer, &e->len));
    TRY(cellcert_request_set_subject(e->context, e->request, e->buffer, e->len));
    TRY(cellcert_crmf_sign(e->context, e->request, &e->own));
    READ(e, cellcert_request_octets, e->request);
    MAKE(cellcert_crmf_verify(e->context, e->buffer, e->len, NULL, 0, &e->verified), e->verified);
    TRY(cellcert_verified_cert_req_id(e->verified, &id));
    return id == 0 ? CELLCERT_OK : CELLCERT_ERR_BUG;
}

/* The first time to the RA/CA, and then to its answers of that time. */
static int32_t converse(struct enrolment *e, cellcert_transaction *transaction, size_t number, int32_t *event)
{
    READ(e, cellcert_transaction_message, transaction);
    if (house.answers[number].len == 0) {
        house.answers[number].len = MESSAGE;
        if (cmp_http_exchange(house.port, e->buffer, e->len, house.answers[number].octets, &house.answers[number].len) !=
            0) {
            (void)fprintf(stderr, "the RA/CA does not answer\n");
            exit(2);
        }
    }
    return cellcert_transaction_handle(e->context, transaction, e->trust, house.answers[number].octets,
                                       house.answers[number].len, event);
}

static int32_t transaction(struct enrolment *e)
{
    int32_t event = 0, status = -1;
    READ(e, cellcert_request_octets, e->request);
    MAKE(cellcert_transaction_enrol(e->context, CELLCERT_IR, e->buffer, e->len, &e->transaction), e->transaction);
    TRY(cellcert_transaction_start(e->context, e->transaction, e->identity, &e->vendor));
    TRY(converse(e, e->transaction, 0, &event));
    if (event != CELLCERT_EVENT_GRANTED) {
        return CELLCERT_ERR_REFUSED;
    }
    TRY(cellcert_transaction_check_certificate(e->context, e->transaction, e->trust));
    TRY(cellcert_transaction_status(e->transaction, &status, NULL));
    READ(e, cellcert_transaction_certificate, e->transaction);
    READ(e, cellcert_transaction_save, e->transaction);
    MAKE(cellcert_transaction_resume(e->context, e->buffer, e->len, &e->resumed), e->resumed);
    TRY(cellcert_transaction_confirm(e->context, e->resumed, e->identity, &e->vendor));
    TRY(converse(e, e->resumed, 1, &event));
    if (event != CELLCERT_EVENT_CONFIRMED) {
        return CELLCERT_ERR_BUG;
    }
    /* A question that is protected by a secret. */
    MAKE(cellcert_transaction_general(e->context, "1.3.6.1.5.5.7.4.17", NULL, 0, &e->question), e->question);
    MAKE(cellcert_identity_new_secret(e->context, (const uint8_t *)"4711", 4, "secret", CELLCERT_MAC_PBMAC1, NULL, 0,
                                      &e->secret),
         e->secret);
    TRY(cellcert_transaction_start(e->context, e->question, e->secret, NULL));
    READ(e, cellcert_transaction_message, e->question);
    return CELLCERT_OK;
}

static int32_t attempt(void)
{
    static struct enrolment e;
    int32_t code;
    memset(&e, 0, sizeof e);
    code = prepare(&e);
    if (code == CELLCERT_OK) {
        code = request(&e);
    }
    if (code == CELLCERT_OK) {
        code = transaction(&e);
    }
    /* Freeing needs memory, too; there is some again. */
    world.fault = NOTHING;
    (void)cellcert_transaction_free(&e.question);
    (void)cellcert_transaction_free(&e.resumed);
    (void)cellcert_transaction_free(&e.transaction);
    (void)cellcert_trust_free(&e.trust);
    (void)cellcert_identity_free(&e.secret);
    (void)cellcert_identity_free(&e.identity);
    (void)cellcert_verified_free(&e.verified);
    (void)cellcert_request_free(&e.request);
    (void)cellcert_key_free(&e.vendor_key);
    (void)cellcert_key_free(&e.own_key);
    (void)cellcert_context_free(&e.context);
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
    case SIGN:
        return code == CELLCERT_ERR_SIGN;
    case VERIFY:
        return code == CELLCERT_ERR_POP || code == CELLCERT_ERR_PROTECTION || code == CELLCERT_ERR_TRUST ||
               code == CELLCERT_ERR_CERTIFICATE;
    default:
        /* The cryptography's own allocations end in whatever it was doing. */
        return code == CELLCERT_ERR_MEMORY || code == CELLCERT_ERR_KEY || code == CELLCERT_ERR_SIGN ||
               code == CELLCERT_ERR_POP || code == CELLCERT_ERR_PROTECTION || code == CELLCERT_ERR_TRUST ||
               code == CELLCERT_ERR_CERTIFICATE || code == CELLCERT_ERR_ALGORITHM || code == CELLCERT_OK;
    }
}

int main(int argc, char **argv)
{
    const enum fault faults[] = {RANDOM, CLOCK, SIGN, VERIFY};
    cellcert_context *context = NULL;
    cellcert_key *key = NULL;
    long stride;
    if (argc != 8 || read_file(argv[2], &house.vendor_certificate) != 0 || read_file(argv[3], &house.vendor_key) != 0 ||
        read_file(argv[4], &house.root) != 0) {
        (void)fprintf(stderr, "usage: faults PORT CERTIFICATE KEY ROOT ORGANIZATION COMMON_NAME STRIDE\n");
        return 2;
    }
    house.port = (uint16_t)strtoul(argv[1], NULL, 10);
    house.organization = argv[5];
    house.common_name = argv[6];
    stride = strtol(argv[7], NULL, 10);
    /* Later than what is issued now. */
    house.milliseconds = ((uint64_t)time(NULL) + 10) * 1000;
    house.own_key.len = sizeof house.own_key.octets;
    if (cellcert_context_new(NULL, NULL, NULL, &context) != CELLCERT_OK ||
        cellcert_key_generate(context, CELLCERT_KEY_P256, &key) != CELLCERT_OK ||
        cellcert_key_pkcs8(key, house.own_key.octets, &house.own_key.len) != CELLCERT_OK ||
        cellcert_key_free(&key) != CELLCERT_OK || cellcert_context_free(&context) != CELLCERT_OK) {
        return 2;
    }
    return with_faults(attempt(), faults, sizeof faults / sizeof *faults, stride, attempt, is_due);
}
