#include "ledger_map.h"

#include "world.h"

#include <string.h>

#define VALUE 16384
#define ENTRIES 32

struct entry {
    uint8_t key[64], value[VALUE];
    size_t key_len, value_len;
};

static struct entry kept[ENTRIES];

size_t ledger_map_count;

static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static struct entry *find(const uint8_t *key, size_t key_len)
{
    size_t i;
    for (i = 0; i < ledger_map_count; i++) {
        if (compare(kept[i].key, kept[i].key_len, key, key_len) == 0) {
            return &kept[i];
        }
    }
    return NULL;
}

static int32_t hand_out(const uint8_t *octets, size_t octets_len, uint8_t *out, size_t *len)
{
    int fits = *len >= octets_len;
    *len = octets_len;
    if (fits) {
        memcpy(out, octets, octets_len);
    }
    return fits ? CELLCERT_OK : CELLCERT_ERR_BUFFER;
}

int32_t ledger_map_get(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t *len)
{
    const struct entry *entry = find(key, key_len);
    (void)ctx;
    if (fails(LEDGER)) {
        return CELLCERT_ERR_LEDGER;
    }
    return entry == NULL ? CELLCERT_ERR_NONE : hand_out(entry->value, entry->value_len, out, len);
}

int32_t ledger_map_next(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t *len)
{
    const struct entry *best = NULL;
    size_t i;
    (void)ctx;
    if (fails(LEDGER)) {
        return CELLCERT_ERR_LEDGER;
    }
    for (i = 0; i < ledger_map_count; i++) {
        const struct entry *entry = &kept[i];
        if (compare(entry->key, entry->key_len, key, key_len) > 0 &&
            (best == NULL || compare(entry->key, entry->key_len, best->key, best->key_len) < 0)) {
            best = entry;
        }
    }
    return best == NULL ? CELLCERT_ERR_NONE : hand_out(best->key, best->key_len, out, len);
}

int32_t ledger_map_write(void *ctx, const cellcert_ledger_entry *entries, size_t count)
{
    size_t i;
    (void)ctx;
    if (fails(LEDGER)) {
        return CELLCERT_ERR_LEDGER;
    }
    for (i = 0; i < count; i++) {
        struct entry *entry = find(entries[i].key, entries[i].key_len);
        if (entries[i].value == NULL) {
            if (entry != NULL) {
                *entry = kept[--ledger_map_count];
            }
            continue;
        }
        if (entry == NULL) {
            if (ledger_map_count == ENTRIES || entries[i].value_len > VALUE || entries[i].key_len > sizeof entry->key) {
                return CELLCERT_ERR_LIMIT;
            }
            entry = &kept[ledger_map_count++];
            memcpy(entry->key, entries[i].key, entries[i].key_len);
            entry->key_len = entries[i].key_len;
        }
        if (entries[i].value_len > 0) {
            memcpy(entry->value, entries[i].value, entries[i].value_len);
        }
        entry->value_len = entries[i].value_len;
    }
    return CELLCERT_OK;
}
