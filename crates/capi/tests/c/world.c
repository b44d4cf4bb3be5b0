#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world world;

int fails(enum fault kind)
{
    long use = ++world.uses[kind];
    return world.fault == kind && use == world.at;
}

static int allocation_fails(void)
{
    long use = ++world.uses[ONE_ALLOCATION];
    return (world.fault == ONE_ALLOCATION && use == world.at) || (world.fault == ALL_ALLOCATIONS && use >= world.at);
}

#ifdef __cplusplus
extern "C" {
#endif
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **block, size_t alignment, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);
void __wrap_free(void *block);

static void *counted(void *block)
{
    world.live += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    void *moved = allocation_fails() ? NULL : __real_realloc(block, size);
    world.live += block == NULL && moved != NULL;
    return moved;
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    int code = allocation_fails() ? 12 : __real_posix_memalign(block, alignment, size);
    world.live += code == 0;
    return code;
}

void __wrap_free(void *block)
{
    world.live -= block != NULL;
    __real_free(block);
}
#ifdef __cplusplus
}
#endif

int32_t world_fill(void *ctx, uint8_t *out, size_t len)
{
    size_t i;
    if (fails(RANDOM)) {
        return -1;
    }
    for (i = 0; i < len; i++) {
        out[i] = (uint8_t)(++*(uint32_t *)ctx * 2654435761U >> 24);
    }
    return CELLCERT_OK;
}

int32_t world_now(void *ctx, uint64_t *milliseconds)
{
    *milliseconds = *(const uint64_t *)ctx;
    return fails(CLOCK) ? -1 : CELLCERT_OK;
}

int32_t world_sign(void *ctx, const uint8_t *octets, size_t len, uint8_t *signature, size_t *signature_len)
{
    const cellcert_signer *chip = (const cellcert_signer *)ctx;
    return fails(SIGN) ? -1 : chip->sign(chip->ctx, octets, len, signature, signature_len);
}

static const char *const names[] = {"nothing",     "randomness", "clock",          "signing",                     "verification",
                                    "deciphering", "ledger",     "one allocation", "all allocations from then on"};

/* Each use fails in turn, or every `stride`th. Returns how many wrong outcomes there were. */
static long in_turn(enum fault fault, long uses, long stride, int32_t (*attempt)(void), int (*is_due)(enum fault, int32_t))
{
    const char *name = names[fault];
    long at, wrong = 0;
    for (at = 1; at <= uses; at += stride) {
        long live = world.live;
        int32_t code;
        memset(world.uses, 0, sizeof world.uses);
        world.fault = fault;
        world.at = at;
        code = attempt();
        world.fault = NOTHING;
        if (!is_due(fault, code) || world.live != live) {
            (void)fprintf(stderr, "%s %ld: %d %s, %ld blocks more\n", name, at, (int)code, cellcert_error_text(code),
                          world.live - live);
            wrong++;
        }
    }
    (void)printf("%s: %ld, %ld wrong\n", name, uses, wrong);
    return wrong;
}

int with_faults(int32_t code, const enum fault *faults, size_t count, long stride, int32_t (*attempt)(void),
                int (*is_due)(enum fault, int32_t))
{
    long uses[ALL_ALLOCATIONS + 1];
    long wrong = 0;
    size_t i;
    /* The second time nothing is set up any more that stays. */
    memset(world.uses, 0, sizeof world.uses);
    code = code == CELLCERT_OK ? attempt() : code;
    if (code != CELLCERT_OK) {
        (void)fprintf(stderr, "without any fault: %d %s\n", (int)code, cellcert_error_text(code));
        return 1;
    }
    if (stride == 0) {
        return 0;
    }
    memcpy(uses, world.uses, sizeof uses);
    for (i = 0; i < count; i++) {
        wrong += in_turn(faults[i], uses[faults[i]], 1, attempt, is_due);
    }
    wrong += in_turn(ONE_ALLOCATION, uses[ONE_ALLOCATION], stride, attempt, is_due);
    wrong += in_turn(ALL_ALLOCATIONS, uses[ONE_ALLOCATION], stride, attempt, is_due);
    return wrong != 0;
}

int read_file(const char *path, struct file *file)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return -1;
    }
    file->len = fread(file->octets, 1, sizeof file->octets, stream);
    return fclose(stream);
}

void write_file(const char *path, const uint8_t *octets, size_t len)
{
    FILE *stream = fopen(path, "wb");
    if (stream == NULL || fwrite(octets, 1, len, stream) != len || fclose(stream) != 0) {
        exit(2);
    }
}
