/* A board for the enrolment in enrol.c without an operating system, linked with the firmware profile: entropy, time and what the factory
 * provisioned are the emulator's, the RA/CA is at the other end of the serial line, and the chip that holds the vendor's key is played by
 * the library. */
#include "board.h"
#include "cellcert.h"
#include "mps2_an386.h"

#include <stdlib.h>

/* What the firmware profile is linked with. */
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
    (void)file, (void)file_len, (void)line;
    board_print("the library panicked\n");
    __builtin_trap();
}

static int32_t entropy(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return board_entropy(out, len) ? 0 : -1;
}

static int32_t now(void *ctx, uint64_t *milliseconds)
{
    (void)ctx;
    *milliseconds = (uint64_t)board_seconds() * 1000;
    return 0;
}

static int32_t sign(void *ctx, const uint8_t *octets, size_t len, uint8_t *signature, size_t *signature_len)
{
    const cellcert_signer *chip = ctx;
    return chip->sign(chip->ctx, octets, len, signature, signature_len);
}

static int exchange(void *ctx, const uint8_t *message, size_t len, uint8_t *answer, size_t *answer_len)
{
    (void)ctx;
    board_put_frame('m', message, len);
    *answer_len = board_get_frame(answer, *answer_len);
    return *answer_len > 0 ? 0 : -1;
}

/* At the other end nobody makes a station wait. */
static void wait_for(void *ctx, uint64_t seconds)
{
    (void)ctx, (void)seconds;
}

int main(void)
{
    static uint8_t vendor[2048], vendor_key[512], root[2048], own[2048], own_key[512];
    size_t own_len = sizeof own, own_key_len = sizeof own_key;
    const size_t vendor_key_len = board_provisioned("vendor-key.der", vendor_key, sizeof vendor_key);
    const cellcert_random random = {entropy, NULL};
    cellcert_context *context = NULL;
    cellcert_key *key = NULL;
    cellcert_signer chip;
    struct board board = {entropy, now, sign, exchange, wait_for, &chip, {vendor, 0}, {root, 0}, "Vendor", "enb1"};
    int32_t code;

    board.vendor_certificate.len = board_provisioned("vendor.der", vendor, sizeof vendor);
    board.operator_root.len = board_provisioned("operator-root.der", root, sizeof root);
    code = cellcert_context_new(&random, NULL, NULL, &context);
    if (code == CELLCERT_OK) {
        code = cellcert_key_from_pkcs8(context, vendor_key, vendor_key_len, &key);
    }
    if (code == CELLCERT_OK) {
        code = cellcert_key_signer(key, &chip);
    }
    if (code == CELLCERT_OK) {
        code = board_enrol(&board, own, &own_len, own_key, &own_key_len);
    }
    (void)cellcert_key_free(&key);
    (void)cellcert_context_free(&context);
    if (code != CELLCERT_OK) {
        board_print(cellcert_error_text(code));
        return 1;
    }
    board_put_frame('c', own, own_len);
    return 0;
}
