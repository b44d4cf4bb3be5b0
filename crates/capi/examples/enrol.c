/* A base station's enrolment: a key of its own, a request that proves it is held, an ir signed with the vendor's key in its chip, and a
 * certConf. No operating system is needed for any of it. */
#include "board.h"
#include "cellcert.h"

/* The longest message that is sent or received. */
#define MESSAGE 16384

/* The buffers of an enrolment are kept out of the stack, which is small. */
static uint8_t out_buffer[MESSAGE], in_buffer[MESSAGE];

struct enrolment {
    const struct board *board;
    cellcert_context *context;
    cellcert_key *key;
    cellcert_request *request;
    cellcert_identity *identity;
    cellcert_trust *trust;
    cellcert_transaction *transaction;
};

#define TRY(call)                      \
    do {                               \
        int32_t code = (call);         \
        if (code != CELLCERT_OK) {     \
            return code;               \
        }                              \
    } while (0)

/* What the library is given: the board's entropy and clock, and nothing to verify signatures with, so that it does so itself. */
static int32_t make_context(struct enrolment *e)
{
    cellcert_random random;
    cellcert_clock clock;
    random.fill = e->board->entropy;
    random.ctx = e->board->ctx;
    clock.now = e->board->clock;
    clock.ctx = e->board->ctx;
    return cellcert_context_new(&random, &clock, NULL, &e->context);
}

/* A new key, and a request for it in CRMF, signed with it. */
static int32_t make_request(struct enrolment *e, size_t *len)
{
    cellcert_name_part name[2];
    cellcert_signer signer;
    uint8_t octets[256];
    size_t octets_len = sizeof octets;

    TRY(cellcert_key_generate(e->context, CELLCERT_KEY_P256, &e->key));
    TRY(cellcert_key_signer(e->key, &signer));
    TRY(cellcert_request_new(e->context, signer.public_key, signer.public_key_len, &e->request));

    name[0].attribute = CELLCERT_NAME_ORGANIZATION;
    name[0].value = e->board->organization;
    name[1].attribute = CELLCERT_NAME_COMMON_NAME;
    name[1].value = e->board->common_name;
    TRY(cellcert_name(e->context, name, 2, octets, &octets_len));
    TRY(cellcert_request_set_subject(e->context, e->request, octets, octets_len));
    TRY(cellcert_crmf_sign(e->context, e->request, &signer));
    *len = sizeof out_buffer;
    return cellcert_request_octets(e->request, out_buffer, len);
}

/* As whom the station speaks, and whom it believes. */
static int32_t make_credentials(struct enrolment *e)
{
    const struct board *b = e->board;
    cellcert_octets root;
    root.data = b->operator_root.data;
    root.len = b->operator_root.len;
    TRY(cellcert_trust_new(e->context, &root, 1, &e->trust));
    return cellcert_identity_new(e->context, b->vendor_certificate.data, b->vendor_certificate.len, NULL, 0,
                                 CELLCERT_SIG_ECDSA_SHA256, &e->identity);
}

/* The message that is ready but for its signature goes to the chip, then to the RA/CA; what comes back is handed in. */
static int32_t converse(struct enrolment *e, int32_t *event)
{
    const struct board *b = e->board;
    uint8_t signature[80];
    size_t signature_len = sizeof signature, len = sizeof out_buffer, answer_len = sizeof in_buffer;

    TRY(cellcert_transaction_to_be_signed(e->transaction, out_buffer, &len));
    if (b->sign(b->ctx, out_buffer, len, signature, &signature_len) != 0) {
        return CELLCERT_ERR_SIGN;
    }
    TRY(cellcert_transaction_with_signature(e->context, e->transaction, signature, signature_len));
    len = sizeof out_buffer;
    TRY(cellcert_transaction_message(e->transaction, out_buffer, &len));
    if (b->exchange(b->ctx, out_buffer, len, in_buffer, &answer_len) != 0) {
        return CELLCERT_ERR_NONE;
    }
    return cellcert_transaction_handle(e->context, e->transaction, e->trust, in_buffer, answer_len, event);
}

static int32_t enrol(struct enrolment *e, uint8_t *certificate, size_t *certificate_len, uint8_t *key, size_t *key_len)
{
    const struct board *b = e->board;
    uint64_t seconds;
    int32_t event;
    size_t len;

    TRY(make_context(e));
    TRY(make_request(e, &len));
    TRY(make_credentials(e));
    TRY(cellcert_transaction_enrol(e->context, CELLCERT_IR, out_buffer, len, &e->transaction));
    TRY(cellcert_transaction_start(e->context, e->transaction, e->identity, NULL));
    TRY(converse(e, &event));
    while (event == CELLCERT_EVENT_WAITING) {
        if (cellcert_transaction_check_after(e->transaction, &seconds) == CELLCERT_OK) {
            b->wait(b->ctx, seconds);
        }
        TRY(cellcert_transaction_poll(e->context, e->transaction, e->identity, NULL));
        TRY(converse(e, &event));
    }
    if (event != CELLCERT_EVENT_GRANTED) {
        return CELLCERT_ERR_REFUSED;
    }
    if (cellcert_transaction_check_certificate(e->context, e->transaction, e->trust) != CELLCERT_OK) {
        TRY(cellcert_transaction_reject(e->context, e->transaction, e->identity, NULL, 19, "not what was asked for"));
        TRY(converse(e, &event));
        return CELLCERT_ERR_CERTIFICATE;
    }
    TRY(cellcert_transaction_certificate(e->transaction, certificate, certificate_len));
    TRY(cellcert_key_pkcs8(e->key, key, key_len));
    TRY(cellcert_transaction_confirm(e->context, e->transaction, e->identity, NULL));
    TRY(converse(e, &event));
    return event == CELLCERT_EVENT_CONFIRMED ? CELLCERT_OK : CELLCERT_ERR_REFUSED;
}

int32_t board_enrol(const struct board *board, uint8_t *certificate, size_t *certificate_len, uint8_t *key,
                    size_t *key_len)
{
    struct enrolment e = {board, NULL, NULL, NULL, NULL, NULL, NULL};
    int32_t code = enrol(&e, certificate, certificate_len, key, key_len);
    /* What was not made is NULL: these calls say so, and do nothing. */
    (void)cellcert_transaction_free(&e.transaction);
    (void)cellcert_trust_free(&e.trust);
    (void)cellcert_identity_free(&e.identity);
    (void)cellcert_request_free(&e.request);
    (void)cellcert_key_free(&e.key);
    (void)cellcert_context_free(&e.context);
    return code;
}
