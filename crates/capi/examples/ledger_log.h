/* A ledger for a NEM: an ordered map in memory, and a file to which every write is appended. */
#ifndef LEDGER_LOG_H
#define LEDGER_LOG_H

#include "cellcert.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ledger_log;

/* Opens the file, or makes it; NULL when that cannot be done. */
struct ledger_log *ledger_log_open(const char *path);

void ledger_log_close(struct ledger_log *log);

/* The functions that the NEM calls, and what they work on. */
cellcert_ledger ledger_log_callbacks(struct ledger_log *log);

#ifdef __cplusplus
}
#endif
#endif
