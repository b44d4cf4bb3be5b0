/* What becomes of a call's code. */
#ifndef TRY_H
#define TRY_H

#include "cellcert.h"

#include <stdio.h>
#include <stdlib.h>

/* Where it may fail: then so does the function that it stands in. */
#define TRY(call)                   \
    do {                            \
        int32_t code_ = (call);     \
        if (code_ != CELLCERT_OK) { \
            return code_;           \
        }                           \
    } while (0)

/* A handle that is not made leaves its variable as it was. */
#define MAKE(call, handle)                                      \
    do {                                                        \
        int32_t code_ = (call);                                 \
        if (code_ != CELLCERT_OK) {                             \
            return (handle) == NULL ? code_ : CELLCERT_ERR_BUG; \
        }                                                       \
    } while (0)

/* Where nothing is to fail. */
#define MUST(expected, call)                                                                                    \
    do {                                                                                                        \
        int32_t must_ = (call);                                                                                 \
        if (must_ != (expected)) {                                                                              \
            (void)fprintf(stderr, "line %d: %d %s, not %d\n", __LINE__, (int)must_, cellcert_error_text(must_), \
                          (int)(expected));                                                                     \
            exit(1);                                                                                            \
        }                                                                                                       \
    } while (0)

#endif
