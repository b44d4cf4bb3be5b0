/*
 * What mbedTLS takes to make a key on P-256 and a PKCS #10 request for it, on the same board and measured in the same way as
 * examples/firmware/src/bin/budget.rs: see there and in examples/firmware/src/frame.rs for what goes over the serial line.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mbedtls/ecp.h"
#include "mbedtls/pk.h"
#include "mbedtls/platform.h"
#include "mbedtls/x509_csr.h"
#include "mps2_an386.h"

extern uint32_t stack_bottom;

/* The heap, and what was asked for of it. */
static size_t used, most, allocations;

static void *allocate(size_t count, size_t size)
{
    size_t *block = calloc(1, 8 + count * size);
    if (block == NULL) {
        return NULL;
    }
    *block = count * size;
    used += *block;
    most = used > most ? used : most;
    allocations++;
    return block + 2;
}

static void release(void *octets)
{
    if (octets != NULL) {
        size_t *block = (size_t *)octets - 2;
        used -= *block;
        free(block);
    }
}

/* A clock that counts down by one in forty instructions. */
static uint32_t instructions(void)
{
    return *(volatile uint32_t *)0xe000e018;
}

/* The measurements: as examples/firmware/src/meter.rs has them. */
#define MARK 0x5aa5c33cu

static __attribute__((noinline)) int step(const char *name, int (*run)(void))
{
    volatile uint32_t *place;
    uint32_t here = (uint32_t)__builtin_frame_address(0);
    for (place = &stack_bottom; (uint32_t)place + 256 < here; place++) {
        *place = MARK;
    }
    most = used;
    allocations = 0;
    uint32_t began = instructions();
    int result = run();
    uint32_t took = ((began - instructions()) & 0x00ffffff) * 40;
    for (place = &stack_bottom; *place == MARK; place++) {
    }
    board_put("f", 1);
    board_put_number(strlen(name) + 1 + 16);
    board_put(name, strlen(name) + 1);
    board_put_number(took);
    board_put_number(most);
    board_put_number(here - (uint32_t)place);
    board_put_number(allocations);
    return result;
}

static int entropy(void *unused, unsigned char *octets, size_t length)
{
    (void)unused;
    return board_entropy(octets, length) ? 0 : -1;
}

static mbedtls_pk_context key;
static unsigned char buffer[512];
static int request_length;

static int make_key(void)
{
    mbedtls_pk_init(&key);
    int failed = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    return failed ? failed : mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), entropy, NULL);
}

static int make_request(void)
{
    mbedtls_x509write_csr request;
    mbedtls_x509write_csr_init(&request);
    mbedtls_x509write_csr_set_md_alg(&request, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&request, &key);
    int failed = mbedtls_x509write_csr_set_subject_name(&request, "O=Vendor,CN=enb1");
    if (failed == 0) {
        request_length = mbedtls_x509write_csr_der(&request, buffer, sizeof buffer, entropy, NULL);
        failed = request_length < 0;
    }
    mbedtls_x509write_csr_free(&request);
    return failed;
}

int main(void)
{
    mbedtls_platform_set_calloc_free(allocate, release);
    if (step("mbedTLS key", make_key) != 0 || step("mbedTLS PKCS #10 request", make_request) != 0) {
        return 1;
    }
    board_put_frame('p', buffer + sizeof buffer - request_length, (size_t)request_length);
    return 0;
}
