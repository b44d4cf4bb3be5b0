/* What a C program can get wrong: each mistake is a code, and changes nothing. Without SANITIZED, also what the tools would not let pass:
 * looking at a handle that was freed. */
#include "cellcert.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int mistakes;

#define CHECK(expected, call)                                                                                  \
    do {                                                                                                       \
        int32_t code_ = (call);                                                                                \
        if (code_ != (expected)) {                                                                             \
            (void)fprintf(stderr, "line %d: %d %s, not %d\n", __LINE__, (int)code_, cellcert_error_text(code_), \
                          (int)(expected));                                                                    \
            mistakes++;                                                                                        \
        }                                                                                                      \
    } while (0)

#define HOLDS(condition) CHECK(1, (condition) ? 1 : 0)

static const uint8_t junk[] = {0x30, 0x03, 0x02, 0x01, 0x00};

static cellcert_context *context;
static cellcert_key *key;
static cellcert_signer signer;

static void null_pointers(void)
{
    cellcert_context *none = NULL, *made = NULL;
    cellcert_request *request = NULL;
    cellcert_transaction *transaction = NULL;
    cellcert_octets missing = {NULL, 5};
    cellcert_trust *trust = NULL;
    size_t len = 0;
    uint64_t seconds;

    CHECK(CELLCERT_ERR_NULL, cellcert_context_new(NULL, NULL, NULL, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_key_generate(NULL, CELLCERT_KEY_P256, &key));
    CHECK(CELLCERT_ERR_NULL, cellcert_key_generate(context, CELLCERT_KEY_P256, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_key_from_pkcs8(context, NULL, 5, &key));
    CHECK(CELLCERT_ERR_NULL, cellcert_key_public(NULL, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_key_public(key, NULL, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_key_signer(key, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_request_new(context, NULL, 91, &request));
    CHECK(CELLCERT_ERR_NULL, cellcert_request_set_subject(context, NULL, junk, sizeof junk));
    CHECK(CELLCERT_ERR_NULL, cellcert_pkcs10_sign(context, NULL, &signer));
    CHECK(CELLCERT_ERR_NULL, cellcert_trust_new(context, &missing, 1, &trust));
    CHECK(CELLCERT_ERR_NULL, cellcert_trust_new(context, NULL, 1, &trust));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_check_after(NULL, &seconds));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_enrol(context, CELLCERT_IR, NULL, 5, &transaction));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_general(context, NULL, NULL, 0, &transaction));
    CHECK(CELLCERT_ERR_NULL, cellcert_key_decapsulate(NULL, junk, sizeof junk, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_identity_new_kem(context, NULL, 5, NULL, 0, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_ask_ciphertext(context, NULL, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_with_secret(context, NULL, NULL, junk, sizeof junk));
    CHECK(CELLCERT_ERR_NULL, cellcert_request_new_without_key(context, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_crmf_generate_key(context, NULL, 0));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_set_answerer(context, NULL, NULL, junk, sizeof junk));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_kem_refusal(context, NULL, NULL, junk, sizeof junk, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_key_decipherer(key, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_open_certificate(context, NULL, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_open_private_key(context, NULL, NULL, NULL, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_private_key(NULL, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_export(context, NULL, NULL, NULL, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_export_written(context, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_set_liveness(context, NULL, 0, 0, 0));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_report(context, NULL, "enb1", 1));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_identify(context, NULL, NULL, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_presence(context, NULL, "enb1", NULL, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_connected_stations(context, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_set_credential(context, NULL, "raca", NULL, &signer));
    CHECK(CELLCERT_ERR_NULL, cellcert_renewal_times(context, junk, sizeof junk, &seconds, NULL));
    CHECK(CELLCERT_ERR_CERTIFICATE, cellcert_renewal_times(context, junk, sizeof junk, &seconds, &seconds));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_pass_up(context, NULL, NULL, junk, sizeof junk, 0, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_take_passed(context, NULL, NULL, junk, sizeof junk, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_refuse_message(context, NULL, junk, sizeof junk, 2, "no"));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_refusal(NULL, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_passage_message(NULL, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_passage_upstream(NULL, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_passage_station(NULL, NULL, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_passage_free(NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_request_at(NULL, "enb1", 0, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_outage(NULL, &seconds));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_set_anchors(context, NULL, NULL, 0, NULL, 0));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_request_of(NULL, "enb1", "first", NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_import(context, NULL, junk, sizeof junk, &len));
    CHECK(CELLCERT_ERR_NULL, cellcert_nem_verdict(NULL, 0, NULL, NULL));
    CHECK(CELLCERT_ERR_NULL, cellcert_context_free(NULL));
    CHECK(CELLCERT_ERR_HANDLE, cellcert_context_free(&none));
    HOLDS(made == NULL && request == NULL && trust == NULL && transaction == NULL);
}

static void short_buffers(void)
{
    uint8_t octets[1024], before[1024];
    size_t needed = 0, len;
    CHECK(CELLCERT_OK, cellcert_key_public(key, NULL, &needed));
    HOLDS(needed == signer.public_key_len);
    for (len = 0; len < needed; len++) {
        size_t room = len;
        memset(octets, 0xA5, sizeof octets);
        memcpy(before, octets, sizeof octets);
        CHECK(CELLCERT_ERR_BUFFER, cellcert_key_public(key, octets, &room));
        HOLDS(room == needed && memcmp(octets, before, sizeof octets) == 0);
    }
    memset(octets, 0xA5, sizeof octets);
    len = needed;
    CHECK(CELLCERT_OK, cellcert_key_public(key, octets, &len));
    HOLDS(len == needed && memcmp(octets, signer.public_key, len) == 0 && octets[len] == 0xA5);
}

static void wrong_handles(void)
{
    cellcert_context *gone = NULL, *again;
    cellcert_request *request = NULL;
    size_t len = 0;
    /* Of another kind. */
    CHECK(CELLCERT_ERR_HANDLE, cellcert_key_public((const cellcert_key *)(const void *)context, NULL, &len));
    CHECK(CELLCERT_ERR_HANDLE, cellcert_key_generate((const cellcert_context *)(const void *)key, 1, &key));
    CHECK(CELLCERT_OK, cellcert_request_new(context, signer.public_key, signer.public_key_len, &request));
    again = (cellcert_context *)(void *)request;
    CHECK(CELLCERT_ERR_HANDLE, cellcert_context_free(&again));
    HOLDS(again != NULL);
    CHECK(CELLCERT_OK, cellcert_request_free(&request));
    /* The variable is cleared, so that a second time does nothing. */
    CHECK(CELLCERT_ERR_HANDLE, cellcert_request_free(&request));
    /* No handle at all. */
    again = (cellcert_context *)(void *)((uintptr_t)context + 1);
    CHECK(CELLCERT_ERR_HANDLE, cellcert_key_generate(again, CELLCERT_KEY_P256, &key));
    /* A copy of a pointer to what is gone. */
    CHECK(CELLCERT_OK, cellcert_context_new(NULL, NULL, NULL, &gone));
    again = gone;
    CHECK(CELLCERT_OK, cellcert_context_free(&gone));
    HOLDS(gone == NULL);
#ifndef SANITIZED
    CHECK(CELLCERT_ERR_HANDLE, cellcert_context_free(&again));
    CHECK(CELLCERT_ERR_HANDLE, cellcert_key_from_pkcs8(again, junk, sizeof junk, &key));
#endif
}

static void wrong_values(void)
{
    cellcert_key *other = NULL;
    cellcert_request *request = NULL;
    cellcert_transaction *transaction = NULL;
    cellcert_verified *verified = NULL;
    cellcert_trust *trust = NULL;
    cellcert_name_part part = {99, "x"}, country = {CELLCERT_NAME_COUNTRY, "NLD"};
    cellcert_signer wrong = signer;
    char detail[512];
    size_t len = 0;
    int32_t code;

    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_key_generate(context, 0, &other));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_key_generate(context, INT32_MIN, &other));
    CHECK(CELLCERT_ERR_KEY, cellcert_key_from_pkcs8(context, junk, sizeof junk, &other));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_name(context, &part, 1, NULL, &len));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_name(context, &country, 1, NULL, &len));
    CHECK(CELLCERT_ERR_LIMIT, cellcert_name(context, &part, SIZE_MAX, NULL, &len));
    CHECK(CELLCERT_ERR_LIMIT, cellcert_pkcs10_verify(context, junk, SIZE_MAX, &verified));
    CHECK(CELLCERT_ERR_MALFORMED, cellcert_pkcs10_verify(context, junk, sizeof junk, &verified));
    CHECK(CELLCERT_ERR_MALFORMED, cellcert_crmf_verify(context, junk, sizeof junk, NULL, 0, &verified));
    code = cellcert_request_new(context, junk, sizeof junk, &request);
    HOLDS(code == CELLCERT_ERR_KEY || code == CELLCERT_ERR_MALFORMED);
    len = sizeof detail;
    CHECK(CELLCERT_OK, cellcert_error_detail(context, detail, &len));
    HOLDS(len > 1 && detail[len - 1] == 0);

    CHECK(CELLCERT_OK, cellcert_request_new(context, signer.public_key, signer.public_key_len, &request));
    CHECK(CELLCERT_ERR_NONE, cellcert_error_detail(context, NULL, &len));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_pkcs10_with_signature(context, request, 0, junk, sizeof junk));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_request_add_alternative_name(context, request, 3, junk, sizeof junk));
    CHECK(CELLCERT_ERR_ARGUMENT,
          cellcert_request_add_alternative_name(context, request, CELLCERT_ALTERNATIVE_IP, junk, 5));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_request_set_unstructured_name(context, request, "\xff\xfe"));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_request_add_control(context, request, "one", junk, sizeof junk));
    wrong.algorithm = CELLCERT_SIG_RSA_SHA256;
    CHECK(CELLCERT_ERR_ALGORITHM, cellcert_pkcs10_sign(context, request, &wrong));
    wrong.sign = NULL;
    CHECK(CELLCERT_ERR_NULL, cellcert_pkcs10_sign(context, request, &wrong));
    CHECK(CELLCERT_OK, cellcert_request_free(&request));

    CHECK(CELLCERT_ERR_MALFORMED, cellcert_transaction_enrol(context, 99, junk, sizeof junk, &transaction));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_transaction_general(context, "nobody", NULL, 0, &transaction));
    CHECK(CELLCERT_ERR_MALFORMED, cellcert_transaction_resume(context, junk, sizeof junk, &transaction));
    CHECK(CELLCERT_OK, cellcert_trust_new(context, NULL, 0, &trust));
    for (int quirk = CELLCERT_QUIRK_UNPROTECTED_ERRORS; quirk <= CELLCERT_QUIRK_NESTED_ANSWERS; quirk++)
        CHECK(CELLCERT_OK, cellcert_trust_add_quirk(context, trust, quirk));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_trust_add_quirk(context, trust, CELLCERT_QUIRK_UNPROTECTED_ERRORS - 1));
    CHECK(CELLCERT_ERR_ARGUMENT, cellcert_trust_add_quirk(context, trust, CELLCERT_QUIRK_NESTED_ANSWERS + 1));
    CHECK(CELLCERT_OK, cellcert_trust_free(&trust));
    HOLDS(other == NULL && request == NULL && transaction == NULL && verified == NULL);
}

static void wrong_order(void)
{
    cellcert_request *request = NULL;
    cellcert_transaction *transaction = NULL;
    cellcert_identity *identity = NULL;
    cellcert_trust *trust = NULL;
    uint8_t octets[2048];
    size_t len = sizeof octets;
    int32_t event = 77;
    uint64_t seconds = 77;

    CHECK(CELLCERT_OK, cellcert_request_new(context, signer.public_key, signer.public_key_len, &request));
    CHECK(CELLCERT_ERR_STATE, cellcert_request_octets(request, octets, &len));
    CHECK(CELLCERT_OK, cellcert_pkcs10_sign(context, request, &signer));
    CHECK(CELLCERT_OK, cellcert_request_octets(request, octets, &len));
    /* What was signed is not what is asked for any more. */
    CHECK(CELLCERT_OK, cellcert_request_set_cert_req_id(context, request, 1));
    CHECK(CELLCERT_ERR_STATE, cellcert_request_octets(request, NULL, &len));
    CHECK(CELLCERT_OK, cellcert_pkcs10_sign(context, request, &signer));
    len = sizeof octets;
    CHECK(CELLCERT_OK, cellcert_request_octets(request, octets, &len));

    CHECK(CELLCERT_OK, cellcert_transaction_enrol(context, CELLCERT_P10CR, octets, len, &transaction));
    CHECK(CELLCERT_OK, cellcert_trust_new(context, NULL, 0, &trust));
    CHECK(CELLCERT_OK, cellcert_identity_new_secret(context, junk, 5, "secret", CELLCERT_MAC_PBM, NULL, 0, &identity));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_message(transaction, NULL, &len));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_to_be_signed(transaction, NULL, &len));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_with_signature(context, transaction, junk, sizeof junk));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_handle(context, transaction, trust, junk, sizeof junk, &event));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_poll(context, transaction, identity, NULL));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_confirm(context, transaction, identity, NULL));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_reject(context, transaction, identity, NULL, 0, "no"));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_check_certificate(context, transaction, trust));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_save(transaction, NULL, &len));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_open_certificate(context, transaction, NULL));
    CHECK(CELLCERT_ERR_STATE,
          cellcert_transaction_kem_refusal(context, transaction, trust, junk, sizeof junk, NULL, &len));
    CHECK(CELLCERT_ERR_MALFORMED, cellcert_transaction_set_answerer(context, transaction, trust, junk, 3));
    CHECK(CELLCERT_ERR_NULL, cellcert_transaction_set_answerer(context, transaction, NULL, junk, sizeof junk));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_open_private_key(context, transaction, trust, identity, NULL));
    CHECK(CELLCERT_ERR_NONE, cellcert_transaction_private_key(transaction, NULL, &len));
    CHECK(CELLCERT_ERR_NONE, cellcert_transaction_check_after(transaction, &seconds));
    CHECK(CELLCERT_ERR_NONE, cellcert_transaction_certificate(transaction, NULL, &len));
    CHECK(CELLCERT_OK, cellcert_transaction_start(context, transaction, identity, NULL));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_start(context, transaction, identity, NULL));
    CHECK(CELLCERT_ERR_STATE, cellcert_transaction_set_wishes(context, transaction, 1, NULL));
    CHECK(CELLCERT_OK, cellcert_transaction_message(transaction, NULL, &len));
    CHECK(CELLCERT_ERR_MALFORMED, cellcert_transaction_handle(context, transaction, trust, junk, sizeof junk, &event));
    CHECK(CELLCERT_OK, cellcert_transaction_message(transaction, NULL, &len));
    HOLDS(event == 77 && seconds == 77);
    CHECK(CELLCERT_OK, cellcert_transaction_free(&transaction));
    CHECK(CELLCERT_OK, cellcert_trust_free(&trust));
    CHECK(CELLCERT_OK, cellcert_identity_free(&identity));
    CHECK(CELLCERT_OK, cellcert_request_free(&request));
}

/* A callback that uses the handles of the very call that it belongs to. */
static int32_t meddle(void *ctx, const uint8_t *octets, size_t len, uint8_t *signature, size_t *signature_len)
{
    cellcert_request **request = (cellcert_request **)ctx;
    (void)octets, (void)len, (void)signature, (void)signature_len;
    CHECK(CELLCERT_ERR_BUSY, cellcert_request_free(request));
    CHECK(CELLCERT_ERR_BUSY, cellcert_context_free(&context));
    CHECK(CELLCERT_ERR_BUSY, cellcert_pkcs10_sign(context, *request, &signer));
    *signature_len = 100000;
    return CELLCERT_OK;
}

static void meddling_callback(void)
{
    cellcert_request *request = NULL;
    cellcert_signer meddler = signer;
    CHECK(CELLCERT_OK, cellcert_request_new(context, signer.public_key, signer.public_key_len, &request));
    meddler.sign = meddle;
    meddler.ctx = &request;
    CHECK(CELLCERT_ERR_SIGN, cellcert_pkcs10_sign(context, request, &meddler));
    HOLDS(request != NULL && context != NULL);
    CHECK(CELLCERT_OK, cellcert_request_free(&request));
}

/* Two threads with handles of their own, and one that they share: whoever comes second is told. */
static void *work(void *shared)
{
    cellcert_context *own = NULL;
    long *failures = (long *)malloc(sizeof *failures);
    int i;
    *failures = 0;
    *failures += cellcert_context_new(NULL, NULL, NULL, &own) != CELLCERT_OK;
    for (i = 0; i < 50; i++) {
        cellcert_key *made = NULL;
        size_t len = 0;
        int32_t code = cellcert_key_public((const cellcert_key *)shared, NULL, &len);
        *failures += code != CELLCERT_OK && code != CELLCERT_ERR_BUSY;
        *failures += cellcert_key_generate(own, CELLCERT_KEY_P256, &made) != CELLCERT_OK;
        *failures += cellcert_key_free(&made) != CELLCERT_OK;
    }
    *failures += cellcert_context_free(&own) != CELLCERT_OK;
    return failures;
}

static void threads(void)
{
    pthread_t thread[3];
    int i;
    for (i = 0; i < 3; i++) {
        HOLDS(pthread_create(&thread[i], NULL, work, key) == 0);
    }
    for (i = 0; i < 3; i++) {
        void *failures = NULL;
        HOLDS(pthread_join(thread[i], &failures) == 0);
        HOLDS(*(long *)failures == 0);
        free(failures);
    }
}

static void versions(void)
{
    int32_t code;
    HOLDS(cellcert_version() == CELLCERT_VERSION && strlen(cellcert_version_text()) >= 5);
    for (code = -300; code < 300; code++) {
        HOLDS(strlen(cellcert_error_text(code)) > 0);
    }
    HOLDS(strlen(cellcert_error_text(INT32_MIN)) > 0);
}

int main(void)
{
    CHECK(CELLCERT_OK, cellcert_context_new(NULL, NULL, NULL, &context));
    CHECK(CELLCERT_OK, cellcert_key_generate(context, CELLCERT_KEY_P256, &key));
    CHECK(CELLCERT_OK, cellcert_key_signer(key, &signer));
    null_pointers();
    short_buffers();
    wrong_handles();
    wrong_values();
    wrong_order();
    meddling_callback();
    threads();
    versions();
    CHECK(CELLCERT_OK, cellcert_key_free(&key));
    CHECK(CELLCERT_OK, cellcert_context_free(&context));
    (void)printf("%d mistakes unnoticed\n", mistakes);
    return mistakes == 0 ? 0 : 1;
}
