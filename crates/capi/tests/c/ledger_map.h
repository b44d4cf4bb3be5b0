/* A ledger without a heap: a few entries, in no order. Each use may be made to fail (world.h). */
#ifndef LEDGER_MAP_H
#define LEDGER_MAP_H

#include "cellcert.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many entries there are; 0 empties it. */
extern size_t ledger_map_count;

int32_t ledger_map_get(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t *len);
int32_t ledger_map_next(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t *len);
int32_t ledger_map_write(void *ctx, const cellcert_ledger_entry *entries, size_t count);

#ifdef __cplusplus
}
#endif
#endif
