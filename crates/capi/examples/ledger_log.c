/* Each write is one record of the file: its length, and entries of a key's length, a value's length or NONE, key and value. A record that a
 * crash cut off is not there when the file is read again: either all of a write happened, or nothing. */
#define _POSIX_C_SOURCE 200809L
#include "ledger_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NONE 0xffffffffu

struct entry {
    uint8_t *key;
    uint8_t *value;
    size_t key_len, value_len;
};

struct ledger_log {
    FILE *file;
    struct entry *entries; /* in the order of their keys */
    size_t count, room;
};

static int compare(const struct entry *entry, const uint8_t *key, size_t key_len)
{
    int order = memcmp(entry->key, key, entry->key_len < key_len ? entry->key_len : key_len);
    return order != 0 ? order : (entry->key_len > key_len) - (entry->key_len < key_len);
}

/* The first entry that is not before the key. */
static size_t position(const struct ledger_log *log, const uint8_t *key, size_t key_len)
{
    size_t low = 0, high = log->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&log->entries[middle], key, key_len) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int is_at(const struct ledger_log *log, size_t place, const uint8_t *key, size_t key_len)
{
    return place < log->count && compare(&log->entries[place], key, key_len) == 0;
}

static int32_t hand_out(const uint8_t *octets, size_t octets_len, uint8_t *out, size_t *len)
{
    size_t room = *len;
    *len = octets_len;
    if (room < octets_len) {
        return CELLCERT_ERR_BUFFER;
    }
    memcpy(out, octets, octets_len);
    return CELLCERT_OK;
}

static int32_t get(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t *len)
{
    const struct ledger_log *log = (const struct ledger_log *)ctx;
    size_t place = position(log, key, key_len);
    if (!is_at(log, place, key, key_len)) {
        return CELLCERT_ERR_NONE;
    }
    return hand_out(log->entries[place].value, log->entries[place].value_len, out, len);
}

static int32_t next(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t *len)
{
    const struct ledger_log *log = (const struct ledger_log *)ctx;
    size_t place = position(log, key, key_len);
    place += is_at(log, place, key, key_len) ? 1 : 0;
    if (place >= log->count) {
        return CELLCERT_ERR_NONE;
    }
    return hand_out(log->entries[place].key, log->entries[place].key_len, out, len);
}

static uint8_t *copy(const uint8_t *octets, size_t len)
{
    uint8_t *copied = (uint8_t *)malloc(len + 1);
    if (copied != NULL && len > 0) {
        memcpy(copied, octets, len);
    }
    return copied;
}

static void remove_at(struct ledger_log *log, size_t place)
{
    free(log->entries[place].key);
    free(log->entries[place].value);
    log->count--;
    memmove(&log->entries[place], &log->entries[place + 1], (log->count - place) * sizeof log->entries[0]);
}

/* Room for so many more entries. */
static int reserve(struct ledger_log *log, size_t more)
{
    size_t room = (log->count + more) * 2;
    struct entry *entries;
    if (log->room >= log->count + more) {
        return 0;
    }
    entries = (struct entry *)realloc(log->entries, room * sizeof *entries);
    if (entries == NULL) {
        return -1;
    }
    log->entries = entries;
    log->room = room;
    return 0;
}

/* Takes over copies of key and value; there is room. */
static void set(struct ledger_log *log, uint8_t *key, size_t key_len, uint8_t *value, size_t value_len)
{
    size_t place = position(log, key, key_len);
    if (is_at(log, place, key, key_len)) {
        remove_at(log, place);
    }
    memmove(&log->entries[place + 1], &log->entries[place], (log->count - place) * sizeof log->entries[0]);
    log->entries[place].key = key;
    log->entries[place].key_len = key_len;
    log->entries[place].value = value;
    log->entries[place].value_len = value_len;
    log->count++;
}

static int put_number(FILE *file, size_t number)
{
    uint8_t octets[4];
    int i;
    for (i = 0; i < 4; i++) {
        octets[i] = (uint8_t)(number >> (8 * i) & 0xff);
    }
    return fwrite(octets, 1, 4, file) == 4 ? 0 : -1;
}

static size_t number_at(const uint8_t *octets)
{
    return octets[0] | (size_t)octets[1] << 8 | (size_t)octets[2] << 16 | (size_t)octets[3] << 24;
}

static int append(FILE *file, const cellcert_ledger_entry *entries, size_t count)
{
    size_t i, len = 0;
    for (i = 0; i < count; i++) {
        len += 8 + entries[i].key_len + (entries[i].value == NULL ? 0 : entries[i].value_len);
    }
    if (put_number(file, len) != 0) {
        return -1;
    }
    for (i = 0; i < count; i++) {
        const cellcert_ledger_entry *entry = &entries[i];
        size_t value_len = entry->value == NULL ? 0 : entry->value_len;
        if (put_number(file, entry->key_len) != 0 || put_number(file, entry->value == NULL ? NONE : value_len) != 0 ||
            fwrite(entry->key, 1, entry->key_len, file) != entry->key_len ||
            (value_len > 0 && fwrite(entry->value, 1, value_len, file) != value_len)) {
            return -1;
        }
    }
    return fflush(file) == 0 && fsync(fileno(file)) == 0 ? 0 : -1;
}

static int apply(struct ledger_log *log, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
    uint8_t *own_key, *own_value;
    size_t place = position(log, key, key_len);
    if (value == NULL) {
        if (is_at(log, place, key, key_len)) {
            remove_at(log, place);
        }
        return 0;
    }
    own_key = copy(key, key_len);
    own_value = copy(value, value_len);
    if (own_key == NULL || own_value == NULL || reserve(log, 1) != 0) {
        free(own_key);
        free(own_value);
        return -1;
    }
    set(log, own_key, key_len, own_value, value_len);
    return 0;
}

static int32_t write_all(void *ctx, const cellcert_ledger_entry *entries, size_t count)
{
    struct ledger_log *log = (struct ledger_log *)ctx;
    long before = ftell(log->file);
    size_t i;
    if (append(log->file, entries, count) != 0) {
        /* What was written of it is taken back. */
        clearerr(log->file);
        if (fseek(log->file, before, SEEK_SET) != 0 || ftruncate(fileno(log->file), before) != 0) {
            abort();
        }
        return CELLCERT_ERR_LEDGER;
    }
    for (i = 0; i < count; i++) {
        if (apply(log, entries[i].key, entries[i].key_len, entries[i].value, entries[i].value_len) != 0) {
            /* The file has it already: it is read again after the restart. */
            abort();
        }
    }
    return CELLCERT_OK;
}

static int replay(struct ledger_log *log, const uint8_t *octets, size_t len)
{
    while (len >= 8) {
        size_t key_len = number_at(octets), value_len = number_at(octets + 4);
        size_t kept = value_len == NONE ? 0 : value_len;
        if (len - 8 < key_len || len - 8 - key_len < kept) {
            return -1;
        }
        if (apply(log, octets + 8, key_len, value_len == NONE ? NULL : octets + 8 + key_len, kept) != 0) {
            return -1;
        }
        octets += 8 + key_len + kept;
        len -= 8 + key_len + kept;
    }
    return len == 0 ? 0 : -1;
}

static int read_all(struct ledger_log *log)
{
    uint8_t head[4];
    long end = 0;
    while (fread(head, 1, 4, log->file) == 4) {
        size_t len = number_at(head);
        uint8_t *octets = (uint8_t *)malloc(len + 1);
        int whole = octets != NULL && fread(octets, 1, len, log->file) == len;
        int good = whole ? replay(log, octets, len) : 0;
        free(octets);
        if (good != 0) {
            return -1;
        }
        if (!whole) {
            break;
        }
        end = ftell(log->file);
    }
    return fseek(log->file, end, SEEK_SET) == 0 && ftruncate(fileno(log->file), end) == 0 ? 0 : -1;
}

struct ledger_log *ledger_log_open(const char *path)
{
    struct ledger_log *log = (struct ledger_log *)calloc(1, sizeof *log);
    FILE *made;
    if (log == NULL) {
        return NULL;
    }
    made = fopen(path, "ab");
    if (made == NULL || fclose(made) != 0 || (log->file = fopen(path, "r+b")) == NULL || read_all(log) != 0) {
        ledger_log_close(log);
        return NULL;
    }
    return log;
}

void ledger_log_close(struct ledger_log *log)
{
    if (log == NULL) {
        return;
    }
    while (log->count > 0) {
        remove_at(log, log->count - 1);
    }
    free(log->entries);
    if (log->file != NULL) {
        (void)fclose(log->file);
    }
    free(log);
}

cellcert_ledger ledger_log_callbacks(struct ledger_log *log)
{
    cellcert_ledger ledger;
    ledger.get = get;
    ledger.next = next;
    ledger.write = write_all;
    ledger.ctx = log;
    return ledger;
}
