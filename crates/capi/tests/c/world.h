/* What is to fail next, and the functions of the heap, which fail when it says so. Linked with --wrap for them. */
#ifndef WORLD_H
#define WORLD_H

#include "cellcert.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is to fail, and at which use. */
enum fault { NOTHING, RANDOM, CLOCK, SIGN, VERIFY, DECIPHER, LEDGER, ONE_ALLOCATION, ALL_ALLOCATIONS };

struct world {
    enum fault fault;
    long at;
    /* How often each was used. */
    long uses[ALL_ALLOCATIONS + 1];
    /* Blocks that are not freed. */
    long live;
};

extern struct world world;

/* Counts one use; not 0 when it is the one that fails. */
int fails(enum fault kind);

/* What came of a first attempt is `code`. Makes another, and then one for each use of each of the faults, which fails; so does each allocation, or
 * every `stride`th, and all from that one on. With a `stride` of 0 nothing fails. 0 when every attempt ended as `is_due` says, and nothing leaked. */
int with_faults(int32_t code, const enum fault *faults, size_t count, long stride, int32_t (*attempt)(void),
                int (*is_due)(enum fault, int32_t));

struct file {
    uint8_t octets[4096];
    size_t len;
};

/* 0 when it worked. */
int read_file(const char *path, struct file *file);

/* Ends the program when it does not work. */
void write_file(const char *path, const uint8_t *octets, size_t len);

/* A callback for cellcert_random: not secure, and always the same. `ctx` is a uint32_t. */
int32_t world_fill(void *ctx, uint8_t *out, size_t len);

/* A callback for cellcert_clock. `ctx` is a uint64_t. */
int32_t world_now(void *ctx, uint64_t *milliseconds);

/* A callback for cellcert_signer. `ctx` is another cellcert_signer. */
int32_t world_sign(void *ctx, const uint8_t *octets, size_t len, uint8_t *signature, size_t *signature_len);

#ifdef __cplusplus
}
#endif
#endif
