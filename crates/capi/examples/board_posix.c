/* A board for the enrolment in enrol.c that is a POSIX system: entropy, time and the network are its own, and the chip that holds the
 * vendor's key is played by the library. With CELLCERT_FIRMWARE it also hands in what the firmware profile is linked with.
 *
 * usage: board PORT VENDOR_CERTIFICATE VENDOR_KEY OPERATOR_ROOT ORGANIZATION COMMON_NAME CERTIFICATE_OUT KEY_OUT
 * Certificates are in DER, keys in DER as PKCS #8. */
#define _POSIX_C_SOURCE 200809L
#include "board.h"
#include "cellcert.h"
#include "cmp_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef CELLCERT_FIRMWARE
void *cellcert_port_malloc(size_t size)
{
    return malloc(size);
}

void cellcert_port_free(void *octets)
{
    free(octets);
}

void cellcert_port_panic(const char *file, size_t file_len, uint32_t line)
{
    (void)fprintf(stderr, "%.*s:%u\n", (int)file_len, file, (unsigned)line);
    abort();
}
#endif

struct posix {
    FILE *entropy;
    uint16_t port;
    cellcert_signer chip;
};

static int32_t entropy(void *ctx, uint8_t *out, size_t len)
{
    struct posix *posix = (struct posix *)ctx;
    return fread(out, 1, len, posix->entropy) == len ? 0 : -1;
}

static int32_t now(void *ctx, uint64_t *milliseconds)
{
    (void)ctx;
    *milliseconds = (uint64_t)time(NULL) * 1000;
    return 0;
}

static int32_t sign(void *ctx, const uint8_t *octets, size_t len, uint8_t *signature, size_t *signature_len)
{
    struct posix *posix = (struct posix *)ctx;
    return posix->chip.sign(posix->chip.ctx, octets, len, signature, signature_len);
}

static int exchange(void *ctx, const uint8_t *message, size_t len, uint8_t *answer, size_t *answer_len)
{
    struct posix *posix = (struct posix *)ctx;
    return cmp_http_exchange(posix->port, message, len, answer, answer_len);
}

static void wait_for(void *ctx, uint64_t seconds)
{
    struct timespec time;
    (void)ctx;
    time.tv_sec = (time_t)seconds;
    time.tv_nsec = 0;
    (void)nanosleep(&time, NULL);
}

static int read_file(const char *path, uint8_t *octets, size_t room, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return -1;
    }
    *len = fread(octets, 1, room, file);
    return fclose(file);
}

static int write_file(const char *path, const uint8_t *octets, size_t len)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return -1;
    }
    if (fwrite(octets, 1, len, file) != len) {
        (void)fclose(file);
        return -1;
    }
    return fclose(file);
}

int main(int argc, char **argv)
{
    static uint8_t certificate[4096], vendor_key[4096], root[4096], own_certificate[4096], own_key[4096];
    size_t certificate_len, vendor_key_len, root_len, own_certificate_len = sizeof own_certificate;
    size_t own_key_len = sizeof own_key;
    cellcert_context *context = NULL;
    cellcert_key *key = NULL;
    cellcert_random random;
    struct posix posix;
    struct board board;
    int32_t code;

    if (argc != 9 || (posix.entropy = fopen("/dev/urandom", "rb")) == NULL ||
        read_file(argv[2], certificate, sizeof certificate, &certificate_len) != 0 ||
        read_file(argv[3], vendor_key, sizeof vendor_key, &vendor_key_len) != 0 ||
        read_file(argv[4], root, sizeof root, &root_len) != 0) {
        (void)fprintf(stderr, "usage: board PORT CERTIFICATE KEY ROOT ORGANIZATION COMMON_NAME CERTIFICATE_OUT KEY_OUT\n");
        return 2;
    }
    posix.port = (uint16_t)strtoul(argv[1], NULL, 10);
    random.fill = entropy;
    random.ctx = &posix;
    code = cellcert_context_new(&random, NULL, NULL, &context);
    if (code == CELLCERT_OK) {
        code = cellcert_key_from_pkcs8(context, vendor_key, vendor_key_len, &key);
    }
    if (code == CELLCERT_OK) {
        code = cellcert_key_signer(key, &posix.chip);
    }
    if (code == CELLCERT_OK) {
        board.entropy = entropy;
        board.clock = now;
        board.sign = sign;
        board.exchange = exchange;
        board.wait = wait_for;
        board.ctx = &posix;
        board.vendor_certificate.data = certificate;
        board.vendor_certificate.len = certificate_len;
        board.operator_root.data = root;
        board.operator_root.len = root_len;
        board.organization = argv[5];
        board.common_name = argv[6];
        code = board_enrol(&board, own_certificate, &own_certificate_len, own_key, &own_key_len);
    }
    (void)cellcert_key_free(&key);
    (void)cellcert_context_free(&context);
    (void)fclose(posix.entropy);
    if (code == CELLCERT_OK && (write_file(argv[7], own_certificate, own_certificate_len) != 0 ||
                                write_file(argv[8], own_key, own_key_len) != 0)) {
        return 1;
    }
    (void)printf("%s\n", cellcert_error_text(code));
    return code == CELLCERT_OK ? 0 : 1;
}
