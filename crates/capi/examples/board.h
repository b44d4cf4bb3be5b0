/* What an enrolment needs of the board it runs on. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Octets that the board owns. */
struct octets {
    const uint8_t *data;
    size_t len;
};

struct board {
    /* Fills with entropy; milliseconds since 1970; octets to sign with the vendor's key, which never leaves its chip. 0 when it worked. */
    int32_t (*entropy)(void *ctx, uint8_t *out, size_t len);
    int32_t (*clock)(void *ctx, uint64_t *milliseconds);
    int32_t (*sign)(void *ctx, const uint8_t *octets, size_t len, uint8_t *signature, size_t *signature_len);
    /* Sends a message to the RA/CA and receives its answer: `*answer_len` is the room there is, and then its length. 0 when it worked. */
    int (*exchange)(void *ctx, const uint8_t *message, size_t len, uint8_t *answer, size_t *answer_len);
    /* Waits. */
    void (*wait)(void *ctx, uint64_t seconds);
    void *ctx;

    struct octets vendor_certificate; /* in DER */
    struct octets operator_root;      /* in DER */
    const char *organization;         /* the name asked for: an RA/CA lets stations keep their vendor's as a rule */
    const char *common_name;
};

/* Enrols for an operator's certificate. Writes the certificate, in DER, and the new private key, as PKCS #8 in DER; each with its room
 * before and its length after the call. Returns a code of cellcert.h. */
int32_t board_enrol(const struct board *board, uint8_t *certificate, size_t *certificate_len, uint8_t *key,
                    size_t *key_len);

#ifdef __cplusplus
}
#endif
#endif
