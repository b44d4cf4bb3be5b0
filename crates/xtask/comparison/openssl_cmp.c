/*
 * What OpenSSL takes to be the whole end entity: makes a key on P-256, enrols for a certificate by ir, confirms it, and prints how much
 * heap that took at most. usage: openssl_cmp HOST PORT PATH VENDOR-CERTIFICATE VENDOR-KEY OPERATOR-ROOT
 */
#include <openssl/cmp.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t used, most;

static void *allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    size_t *block = malloc(16 + size);
    if (block == NULL) {
        return NULL;
    }
    *block = size;
    used += size;
    most = used > most ? used : most;
    return block + 2;
}

static void release(void *octets, const char *file, int line)
{
    (void)file, (void)line;
    if (octets != NULL) {
        size_t *block = (size_t *)octets - 2;
        used -= *block;
        free(block);
    }
}

static void *reallocate(void *octets, size_t size, const char *file, int line)
{
    void *other = allocate(size, file, line);
    if (other != NULL && octets != NULL) {
        size_t before = ((size_t *)octets - 2)[0];
        memcpy(other, octets, before < size ? before : size);
        release(octets, file, line);
    }
    return other;
}

static X509 *certificate(const char *name)
{
    BIO *file = BIO_new_file(name, "r");
    X509 *read = PEM_read_bio_X509(file, NULL, NULL, NULL);
    BIO_free(file);
    return read;
}

int main(int argc, char **argv)
{
    if (argc != 7 || !CRYPTO_set_mem_functions(allocate, reallocate, release)) {
        return 2;
    }
    BIO *file = BIO_new_file(argv[5], "r");
    EVP_PKEY *vendor_key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
    BIO_free(file);
    X509 *vendor = certificate(argv[4]), *root = certificate(argv[6]);
    X509_STORE *trusted = X509_STORE_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_NAME *subject = X509_NAME_new();
    OSSL_CMP_CTX *client = OSSL_CMP_CTX_new(NULL, NULL);
    int ready = vendor_key && vendor && root && trusted && key && subject && client
        && X509_STORE_add_cert(trusted, root)
        && X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"Vendor", -1, -1, 0)
        && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)"enb1", -1, -1, 0)
        && OSSL_CMP_CTX_set1_server(client, argv[1]) && OSSL_CMP_CTX_set_serverPort(client, atoi(argv[2]))
        && OSSL_CMP_CTX_set1_serverPath(client, argv[3]) && OSSL_CMP_CTX_set1_cert(client, vendor)
        && OSSL_CMP_CTX_set1_pkey(client, vendor_key) && OSSL_CMP_CTX_set0_newPkey(client, 1, key)
        && OSSL_CMP_CTX_set1_subjectName(client, subject) && OSSL_CMP_CTX_set0_trustedStore(client, trusted)
        /* The answer is not from the root's own subject by default. */
        && OSSL_CMP_CTX_set1_recipient(client, X509_get_subject_name(root));
    X509 *issued = ready ? OSSL_CMP_exec_IR_ses(client) : NULL;
    if (issued == NULL) {
        OSSL_CMP_CTX_print_errors(client);
        return 1;
    }
    printf("%zu\n", most);
    return 0;
}
