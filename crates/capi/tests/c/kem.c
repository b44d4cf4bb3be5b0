/* A station whose vendor certificate is one of a KEM key: it enrols by KEM-based MACs, and what comes at the wrong time, or is wrong, is a
 * code and changes nothing.
 *
 * usage: kem PORT VENDOR_CERTIFICATE VENDOR_KEY OPERATOR_ROOT SUBJECT CERTIFICATE_OUT KEY_OUT
 */
#include "cellcert.h"
#include "cmp_http.h"
#include "try.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file {
    uint8_t octets[8192];
    size_t len;
};

static struct file vendor, vendor_key, root, subject, request, message, answer;
static uint16_t port;

static void read_file(const char *path, struct file *file)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        perror(path);
        exit(2);
    }
    file->len = fread(file->octets, 1, sizeof file->octets, stream);
    (void)fclose(stream);
}

static void write_file(const char *path, const uint8_t *octets, size_t len)
{
    FILE *stream = fopen(path, "wb");
    if (stream == NULL || fwrite(octets, 1, len, stream) != len || fclose(stream) != 0) {
        exit(2);
    }
}

/* Sends what the transaction has, and hands in the answer. */
static int32_t exchange(cellcert_context *context, cellcert_transaction *transaction, cellcert_trust *trust, int32_t *event)
{
    message.len = sizeof message.octets;
    answer.len = sizeof answer.octets;
    MUST(CELLCERT_OK, cellcert_transaction_message(transaction, message.octets, &message.len));
    if (cmp_http_exchange(port, message.octets, message.len, answer.octets, &answer.len) != 0) {
        exit(2);
    }
    return cellcert_transaction_handle(context, transaction, trust, answer.octets, answer.len, event);
}

/* Asks for the ciphertext, and decapsulates it. */
static size_t decapsulated(cellcert_context *context, cellcert_transaction *transaction, cellcert_identity *identity,
                           cellcert_trust *trust, cellcert_key *key, uint8_t *secret)
{
    static uint8_t ciphertext[2048];
    size_t len = sizeof ciphertext, secret_len = 64;
    int32_t event = 0;

    MUST(CELLCERT_ERR_STATE, cellcert_transaction_start(context, transaction, identity, NULL));
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_ciphertext(transaction, ciphertext, &len));
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_with_secret(context, transaction, identity, secret, 32));
    MUST(CELLCERT_OK, cellcert_transaction_ask_ciphertext(context, transaction, identity));
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_ask_ciphertext(context, transaction, identity));
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_save(transaction, NULL, &len));
    MUST(CELLCERT_ERR_MALFORMED, cellcert_transaction_handle(context, transaction, trust, ciphertext, 5, &event));
    MUST(CELLCERT_OK, exchange(context, transaction, trust, &event));
    MUST(CELLCERT_EVENT_CIPHERTEXT, event);
    MUST(CELLCERT_ERR_STATE, cellcert_transaction_message(transaction, message.octets, &message.len));
    len = 1;
    MUST(CELLCERT_ERR_BUFFER, cellcert_transaction_ciphertext(transaction, ciphertext, &len));
    MUST(CELLCERT_OK, cellcert_transaction_ciphertext(transaction, ciphertext, &len));
    MUST(CELLCERT_ERR_KEY, cellcert_key_decapsulate(key, ciphertext, len - 1, secret, &secret_len));
    MUST(CELLCERT_OK, cellcert_key_decapsulate(key, ciphertext, len, secret, &secret_len));
    return secret_len;
}

int main(int argc, char **argv)
{
    uint8_t secret[64], buffer[8192];
    size_t len = sizeof buffer, secret_len;
    int32_t event = 0;
    cellcert_octets anchor;
    cellcert_signer signer;
    cellcert_context *context = NULL;
    cellcert_key *kem = NULL, *own = NULL;
    cellcert_identity *identity = NULL, *signing = NULL;
    cellcert_trust *trust = NULL;
    cellcert_request *asked = NULL;
    cellcert_transaction *transaction = NULL;

    if (argc != 8) {
        return 2;
    }
    port = (uint16_t)strtoul(argv[1], NULL, 10);
    read_file(argv[2], &vendor);
    read_file(argv[3], &vendor_key);
    read_file(argv[4], &root);
    read_file(argv[5], &subject);
    anchor.data = root.octets;
    anchor.len = root.len;

    MUST(CELLCERT_OK, cellcert_context_new(NULL, NULL, NULL, &context));
    MUST(CELLCERT_OK, cellcert_key_from_pkcs8(context, vendor_key.octets, vendor_key.len, &kem));
    MUST(CELLCERT_ERR_KEY, cellcert_key_signer(kem, &signer));
    MUST(CELLCERT_OK, cellcert_key_generate(context, CELLCERT_KEY_P256, &own));
    MUST(CELLCERT_OK, cellcert_key_signer(own, &signer));
    MUST(CELLCERT_ERR_KEY, cellcert_key_decapsulate(own, vendor.octets, vendor.len, secret, &len));
    MUST(CELLCERT_OK, cellcert_trust_new(context, &anchor, 1, &trust));
    MUST(CELLCERT_ERR_CERTIFICATE,
         cellcert_identity_new_kem(context, root.octets, root.len, NULL, 0, &identity));
    MUST(CELLCERT_OK, cellcert_identity_new_kem(context, vendor.octets, vendor.len, NULL, 0, &identity));
    MUST(CELLCERT_OK, cellcert_identity_new(context, root.octets, root.len, NULL, 0, CELLCERT_SIG_ECDSA_SHA256, &signing));

    MUST(CELLCERT_OK, cellcert_request_new(context, signer.public_key, signer.public_key_len, &asked));
    MUST(CELLCERT_OK, cellcert_request_set_subject(context, asked, subject.octets, subject.len));
    MUST(CELLCERT_OK, cellcert_crmf_sign(context, asked, &signer));
    request.len = sizeof request.octets;
    MUST(CELLCERT_OK, cellcert_request_octets(asked, request.octets, &request.len));

    /* With a wrong secret the RA/CA refuses. */
    MUST(CELLCERT_OK, cellcert_transaction_enrol(context, CELLCERT_IR, request.octets, request.len, &transaction));
    MUST(CELLCERT_ERR_ARGUMENT, cellcert_transaction_ask_ciphertext(context, transaction, signing));
    secret_len = decapsulated(context, transaction, identity, trust, kem, secret);
    secret[0] ^= 1;
    MUST(CELLCERT_ERR_ARGUMENT, cellcert_transaction_with_secret(context, transaction, signing, secret, secret_len));
    MUST(CELLCERT_OK, cellcert_transaction_with_secret(context, transaction, identity, secret, secret_len));
    MUST(CELLCERT_ERR_UNSUPPORTED, cellcert_transaction_save(transaction, NULL, &len));
    MUST(CELLCERT_OK, exchange(context, transaction, trust, &event));
    MUST(CELLCERT_EVENT_REFUSED, event);
    MUST(CELLCERT_OK, cellcert_transaction_free(&transaction));

    MUST(CELLCERT_OK, cellcert_transaction_enrol(context, CELLCERT_IR, request.octets, request.len, &transaction));
    secret_len = decapsulated(context, transaction, identity, trust, kem, secret);
    MUST(CELLCERT_OK, cellcert_transaction_with_secret(context, transaction, identity, secret, secret_len));
    memset(secret, 0, sizeof secret);
    MUST(CELLCERT_OK, exchange(context, transaction, trust, &event));
    MUST(CELLCERT_EVENT_GRANTED, event);
    MUST(CELLCERT_OK, cellcert_transaction_check_certificate(context, transaction, trust));
    len = sizeof buffer;
    MUST(CELLCERT_OK, cellcert_transaction_certificate(transaction, buffer, &len));
    write_file(argv[6], buffer, len);
    MUST(CELLCERT_OK, cellcert_transaction_confirm(context, transaction, identity, NULL));
    MUST(CELLCERT_OK, exchange(context, transaction, trust, &event));
    MUST(CELLCERT_EVENT_CONFIRMED, event);
    len = sizeof buffer;
    MUST(CELLCERT_OK, cellcert_key_pkcs8(own, buffer, &len));
    write_file(argv[7], buffer, len);

    MUST(CELLCERT_OK, cellcert_transaction_free(&transaction));
    MUST(CELLCERT_OK, cellcert_request_free(&asked));
    MUST(CELLCERT_OK, cellcert_trust_free(&trust));
    MUST(CELLCERT_OK, cellcert_identity_free(&signing));
    MUST(CELLCERT_OK, cellcert_identity_free(&identity));
    MUST(CELLCERT_OK, cellcert_key_free(&own));
    MUST(CELLCERT_OK, cellcert_key_free(&kem));
    MUST(CELLCERT_OK, cellcert_context_free(&context));
    (void)printf("done\n");
    return 0;
}
