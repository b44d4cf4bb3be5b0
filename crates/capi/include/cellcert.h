/* cellcert: certificates for base stations, from C. Apache-2.0.
 *
 * This file is generated from crates/capi; a test fails when it is not what is generated.
 *
 * Calls return CELLCERT_OK or a negative CELLCERT_ERR_ code; a call that fails has changed nothing, and has written nothing but, with
 * CELLCERT_ERR_BUFFER, the length. cellcert_error_text says what a code means, cellcert_error_detail what was wrong in particular.
 *
 * Results in octets go into the caller's buffer, `out` and `len`: `*len` is its size before the call, and how many octets were written
 * after it. With `out` NULL only `*len` is set: to what is needed. Texts are UTF-8 and end with a NUL, which counts.
 *
 * Handles (cellcert_context, cellcert_key, ...) are the only memory of the library that C holds. What makes one sets `*out`; its
 * _free call clears the variable, and returns CELLCERT_ERR_HANDLE when it is NULL already. Octets and structs handed in are copied or
 * not needed any more when the call returns, but for what a callback's `ctx` points to.
 *
 * Threads: there is no global state. Different threads may use different handles, contexts among them, at the same time; of two calls
 * with the same handle at the same time one gets CELLCERT_ERR_BUSY. In the firmware profile one call runs at a time, whatever its
 * handles are; another one gets CELLCERT_ERR_BUSY. Callbacks run in the thread of the call. No handle may be freed while
 * a call uses it.
 *
 * Memory: where there is none left, a call returns CELLCERT_ERR_MEMORY.
 */


#ifndef CELLCERT_H
#define CELLCERT_H

#include <stddef.h>
#include <stdint.h>

#ifndef CELLCERT_FIRMWARE
/* The host profile of the library has the NEM. */
#define CELLCERT_NEM
#endif

/*
 The key deciphers: keyEncipherment (RFC 4211 section 4.2)
 */
#define CELLCERT_POP_KEY_ENCIPHERMENT 2

/*
 The key agrees on keys: keyAgreement (RFC 4211 section 4.3)
 */
#define CELLCERT_POP_KEY_AGREEMENT 3

/*
 The proof comes with certConf, for a certificate that is sent enciphered: encrCert
 */
#define CELLCERT_SUBSEQUENT_ENCR_CERT 0

/*
 The proof comes with popdecr, in answer to popdecc: challengeResp
 */
#define CELLCERT_SUBSEQUENT_CHALLENGE_RESP 1

/*
 ECDH on P-256, P-384 or P-521: the input is the other key, a SubjectPublicKeyInfo in DER; the secret is the x-coordinate (SEC 1 section
 3.3.1)
 */
#define CELLCERT_DECIPHER_ECDH 1

/*
 ML-KEM: the input is a ciphertext, the secret what was encapsulated
 */
#define CELLCERT_DECIPHER_DECAPSULATE 2

/*
 RSAES-OAEP with SHA-256, MGF1 with SHA-256, and an empty label
 */
#define CELLCERT_DECIPHER_RSA_OAEP_SHA256 3

/*
 RSAES-OAEP with SHA-384, MGF1 with SHA-384, and an empty label
 */
#define CELLCERT_DECIPHER_RSA_OAEP_SHA384 4

/*
 RSAES-OAEP with SHA-512, MGF1 with SHA-512, and an empty label
 */
#define CELLCERT_DECIPHER_RSA_OAEP_SHA512 5

/*
 RSAES-PKCS1-v1_5, which older RA/CAs send
 */
#define CELLCERT_DECIPHER_RSA_PKCS1 6

/*
 PBMAC1 (RFC 9481 section 6.1.2), to be preferred
 */
#define CELLCERT_MAC_PBMAC1 1

/*
 PasswordBasedMac (RFC 9481 section 6.1.1), for peers that know nothing else
 */
#define CELLCERT_MAC_PBM 2

/*
 ECDSA on P-256
 */
#define CELLCERT_KEY_P256 1

/*
 ECDSA on P-384
 */
#define CELLCERT_KEY_P384 2

/*
 ECDSA on P-521
 */
#define CELLCERT_KEY_P521 3

/*
 RSA with 2048 bits; not in the firmware profile
 */
#define CELLCERT_KEY_RSA2048 4

/*
 RSA with 3072 bits; not in the firmware profile
 */
#define CELLCERT_KEY_RSA3072 5

/*
 RSA with 4096 bits; not in the firmware profile
 */
#define CELLCERT_KEY_RSA4096 6

/*
 Ed25519
 */
#define CELLCERT_KEY_ED25519 7

/*
 ML-DSA-44
 */
#define CELLCERT_KEY_ML_DSA_44 8

/*
 ML-DSA-65
 */
#define CELLCERT_KEY_ML_DSA_65 9

/*
 ML-DSA-87
 */
#define CELLCERT_KEY_ML_DSA_87 10

/*
 ML-KEM-512, which signs nothing: for cellcert_key_decapsulate
 */
#define CELLCERT_KEY_ML_KEM_512 11

/*
 ML-KEM-768, which signs nothing: for cellcert_key_decapsulate
 */
#define CELLCERT_KEY_ML_KEM_768 12

/*
 ML-KEM-1024, which signs nothing: for cellcert_key_decapsulate
 */
#define CELLCERT_KEY_ML_KEM_1024 13

/*
 commonName (CN)
 */
#define CELLCERT_NAME_COMMON_NAME 1

/*
 serialNumber
 */
#define CELLCERT_NAME_SERIAL_NUMBER 2

/*
 countryName (C): two letters
 */
#define CELLCERT_NAME_COUNTRY 3

/*
 localityName (L)
 */
#define CELLCERT_NAME_LOCALITY 4

/*
 stateOrProvinceName (ST)
 */
#define CELLCERT_NAME_STATE 5

/*
 organizationName (O)
 */
#define CELLCERT_NAME_ORGANIZATION 6

/*
 organizationalUnitName (OU)
 */
#define CELLCERT_NAME_ORGANIZATIONAL_UNIT 7

/*
 domainComponent (DC)
 */
#define CELLCERT_NAME_DOMAIN_COMPONENT 8

#if defined(CELLCERT_NEM)
/*
 One nested PKIMessage (RFC 9483 section 6.4), for an RA/CA that knows CMP
 */
#define CELLCERT_EXPORT_PKI 0
#endif

#if defined(CELLCERT_NEM)
/*
 The PKCS #10 requests themselves, for a CA that does not
 */
#define CELLCERT_EXPORT_PKCS10 1
#endif

#if defined(CELLCERT_NEM)
/*
 The certificate is good; its station may fetch it.
 */
#define CELLCERT_VERDICT_ISSUED 0
#endif

#if defined(CELLCERT_NEM)
/*
 A certificate came that nobody wants, or that is not good: it must be revoked.
 */
#define CELLCERT_VERDICT_TURNED_DOWN 1
#endif

#if defined(CELLCERT_NEM)
/*
 The RA/CA refuses the request.
 */
#define CELLCERT_VERDICT_REJECTED 2
#endif

#if defined(CELLCERT_NEM)
/*
 The message was not taken for a reason that another one cures: the request is queued again.
 */
#define CELLCERT_VERDICT_QUEUED 3
#endif

#if defined(CELLCERT_NEM)
/*
 The RA/CA has not decided.
 */
#define CELLCERT_VERDICT_UNDECIDED 4
#endif

#if defined(CELLCERT_NEM)
/*
 It was imported before.
 */
#define CELLCERT_VERDICT_BEFORE 5
#endif

#if defined(CELLCERT_NEM)
/*
 The file has no answer for the request.
 */
#define CELLCERT_VERDICT_MISSING 6
#endif

#if defined(CELLCERT_NEM)
/*
 It is not taken; nothing is changed.
 */
#define CELLCERT_VERDICT_REFUSED 7
#endif

#if defined(CELLCERT_NEM)
/*
 It may ask for its first certificate.
 */
#define CELLCERT_STATION_EXPECTED 0
#endif

#if defined(CELLCERT_NEM)
/*
 It has a certificate, and may ask for more.
 */
#define CELLCERT_STATION_ENROLLED 1
#endif

#if defined(CELLCERT_NEM)
/*
 It gets nothing for the time being.
 */
#define CELLCERT_STATION_BLOCKED 2
#endif

#if defined(CELLCERT_NEM)
/*
 It is out of service for good, and gets nothing.
 */
#define CELLCERT_STATION_RETIRED 3
#endif

#if defined(CELLCERT_NEM)
/*
 It answers.
 */
#define CELLCERT_HEALTH_UP 0
#endif

#if defined(CELLCERT_NEM)
/*
 It does not answer, and is left alone for a while.
 */
#define CELLCERT_HEALTH_DOWN 1
#endif

#if defined(CELLCERT_NEM)
/*
 It is asked whether it answers again.
 */
#define CELLCERT_HEALTH_PROBED 2
#endif

#if defined(CELLCERT_NEM)
/*
 Send a message to an RA/CA; come back with cellcert_nem_answer or cellcert_nem_failure.
 */
#define CELLCERT_OUTPUT_SEND 1
#endif

#if defined(CELLCERT_NEM)
/*
 Something happened to a request: log it. When the certificate is there, or there will be none, tell the station.
 */
#define CELLCERT_OUTPUT_EVENT 2
#endif

#if defined(CELLCERT_NEM)
/*
 Something happened to an RA/CA or to a batch: log it.
 */
#define CELLCERT_OUTPUT_NOTICE 3
#endif

#if defined(CELLCERT_NEM)
/*
 Something that this version of the interface has no number for.
 */
#define CELLCERT_OUTPUT_OTHER 4
#endif

#if defined(CELLCERT_NEM)
/*
 Something else happened to the request.
 */
#define CELLCERT_HAPPENING_OTHER 0
#endif

#if defined(CELLCERT_NEM)
/*
 It is in the ledger.
 */
#define CELLCERT_HAPPENING_ACCEPTED 1
#endif

#if defined(CELLCERT_NEM)
/*
 The certificate is there: the station can have it.
 */
#define CELLCERT_HAPPENING_READY 2
#endif

#if defined(CELLCERT_NEM)
/*
 There will be no certificate.
 */
#define CELLCERT_HAPPENING_REJECTED 3
#endif

#if defined(CELLCERT_NEM)
/*
 Something failed that will be tried again.
 */
#define CELLCERT_HAPPENING_RETRY 4
#endif

#if defined(CELLCERT_NEM)
/*
 As the station has sent it
 */
#define CELLCERT_PASSING_UNCHANGED 0
#endif

#if defined(CELLCERT_NEM)
/*
 With the NEM's signature added to what begins a transaction (RFC 9483 section 5.2.2.1)
 */
#define CELLCERT_PASSING_ADDED 1
#endif

#if defined(CELLCERT_NEM)
/*
 With the NEM's signature in place of the station's where that may be (RFC 9483 section 5.2.3)
 */
#define CELLCERT_PASSING_REPLACED 2
#endif

#if defined(CELLCERT_NEM)
/*
 Not decided yet: the station is to ask again.
 */
#define CELLCERT_STANDING_UNDER_WAY 0
#endif

#if defined(CELLCERT_NEM)
/*
 The certificate is there.
 */
#define CELLCERT_STANDING_ISSUED 1
#endif

#if defined(CELLCERT_NEM)
/*
 There will be none.
 */
#define CELLCERT_STANDING_REJECTED 2
#endif

#if defined(CELLCERT_NEM)
/*
 A PKCS #10 request: a CertificationRequest in DER
 */
#define CELLCERT_UPLOAD_PKCS10 0
#endif

#if defined(CELLCERT_NEM)
/*
 CertReqMessages (RFC 4211) in DER, with one request
 */
#define CELLCERT_UPLOAD_CRMF 1
#endif

/*
 rfc822Name: a mail address
 */
#define CELLCERT_ALTERNATIVE_EMAIL 1

/*
 dNSName: a host's name
 */
#define CELLCERT_ALTERNATIVE_DNS 2

/*
 directoryName: a distinguished name in DER
 */
#define CELLCERT_ALTERNATIVE_NAME 4

/*
 uniformResourceIdentifier
 */
#define CELLCERT_ALTERNATIVE_URI 6

/*
 iPAddress: 4 or 16 octets
 */
#define CELLCERT_ALTERNATIVE_IP 7

/*
 sha256WithRSAEncryption
 */
#define CELLCERT_SIG_RSA_SHA256 1

/*
 sha384WithRSAEncryption
 */
#define CELLCERT_SIG_RSA_SHA384 2

/*
 sha512WithRSAEncryption
 */
#define CELLCERT_SIG_RSA_SHA512 3

/*
 RSASSA-PSS with SHA-256, MGF1 with SHA-256, and a salt of 32 octets
 */
#define CELLCERT_SIG_RSA_PSS_SHA256 4

/*
 RSASSA-PSS with SHA-384, MGF1 with SHA-384, and a salt of 48 octets
 */
#define CELLCERT_SIG_RSA_PSS_SHA384 5

/*
 RSASSA-PSS with SHA-512, MGF1 with SHA-512, and a salt of 64 octets
 */
#define CELLCERT_SIG_RSA_PSS_SHA512 6

/*
 ecdsa-with-SHA256; signatures are Ecdsa-Sig-Values in DER
 */
#define CELLCERT_SIG_ECDSA_SHA256 7

/*
 ecdsa-with-SHA384
 */
#define CELLCERT_SIG_ECDSA_SHA384 8

/*
 ecdsa-with-SHA512
 */
#define CELLCERT_SIG_ECDSA_SHA512 9

/*
 Ed25519
 */
#define CELLCERT_SIG_ED25519 10

/*
 ML-DSA-44, without prehash and with an empty context
 */
#define CELLCERT_SIG_ML_DSA_44 11

/*
 ML-DSA-65, without prehash and with an empty context
 */
#define CELLCERT_SIG_ML_DSA_65 12

/*
 ML-DSA-87, without prehash and with an empty context
 */
#define CELLCERT_SIG_ML_DSA_87 13

/*
 Done.
 */
#define CELLCERT_OK 0

/*
 A pointer is null that must not be.
 */
#define CELLCERT_ERR_NULL -1

/*
 A handle is none: it is of another kind, or freed.
 */
#define CELLCERT_ERR_HANDLE -2

/*
 The handle is in use by another call; in the firmware profile, another call is running.
 */
#define CELLCERT_ERR_BUSY -3

/*
 The call does not come next: nothing was changed.
 */
#define CELLCERT_ERR_STATE -4

/*
 The buffer is too small; its length variable says what is needed.
 */
#define CELLCERT_ERR_BUFFER -5

/*
 A value is none of those that can be had, a text is not UTF-8, or a pointer is not aligned.
 */
#define CELLCERT_ERR_ARGUMENT -6

/*
 There is no memory left: nothing was changed, but see the call.
 */
#define CELLCERT_ERR_MEMORY -7

/*
 The library has a fault: please report it.
 */
#define CELLCERT_ERR_BUG -8

/*
 This build does not have it.
 */
#define CELLCERT_ERR_UNSUPPORTED -9

/*
 There is no such item: the index is too high, or the optional value absent.
 */
#define CELLCERT_ERR_NONE -10

/*
 The source of randomness failed.
 */
#define CELLCERT_ERR_RANDOM -20

/*
 The clock failed.
 */
#define CELLCERT_ERR_CLOCK -21

/*
 The key, or the device that holds it, did not sign.
 */
#define CELLCERT_ERR_SIGN -22

/*
 The key, or the device that holds it, did not decipher; or it was enciphered for another one, or changed.
 */
#define CELLCERT_ERR_DECIPHER -24

/*
 The ledger could not be read or written: nothing was accepted, and the NEM repeats what it has.
 */
#define CELLCERT_ERR_LEDGER -23

/*
 The octets are not what they should be: not DER, or not of that type.
 */
#define CELLCERT_ERR_MALFORMED -40

/*
 It is larger, or there are more, than is accepted.
 */
#define CELLCERT_ERR_LIMIT -41

/*
 The public key is malformed, of an unsupported kind, or too weak.
 */
#define CELLCERT_ERR_KEY -42

/*
 The algorithm is not supported, or does not fit the key.
 */
#define CELLCERT_ERR_ALGORITHM -43

/*
 The request asks for something that cannot be asked for so.
 */
#define CELLCERT_ERR_REQUEST -44

/*
 The proof of possession is missing or does not hold.
 */
#define CELLCERT_ERR_POP -45

/*
 The message's protection is missing, of the wrong kind, or does not hold.
 */
#define CELLCERT_ERR_PROTECTION -60

/*
 The signer is not known or not trusted.
 */
#define CELLCERT_ERR_TRUST -61

/*
 The message belongs to another transaction, or answers another message.
 */
#define CELLCERT_ERR_TRANSACTION -62

/*
 The message's time is too far from now.
 */
#define CELLCERT_ERR_TIME -63

/*
 The message is trustworthy, and not what the protocol wants now: the transaction is over.
 */
#define CELLCERT_ERR_ANSWER -64

/*
 The certificate is not the one that was asked for, or cannot be used.
 */
#define CELLCERT_ERR_CERTIFICATE -65

/*
 Whoever answers has refused.
 */
#define CELLCERT_ERR_REFUSED -66

/*
 No station that may have certificates is known by that.
 */
#define CELLCERT_ERR_STATION -80

/*
 The request asks for a name that is not the station's, or for none.
 */
#define CELLCERT_ERR_NAME -81

/*
 Too many requests are under way: the station is to come back later.
 */
#define CELLCERT_ERR_OVERLOAD -82

/*
 No RA/CA serves the station.
 */
#define CELLCERT_ERR_UPSTREAM -83

/*
 The station does not count as connected: it is to come back later.
 */
#define CELLCERT_ERR_ABSENT -84

/*
 ir: the first certificate from this PKI, for a CertReqMsg
 */
#define CELLCERT_IR 0

/*
 cr: a further certificate, for a CertReqMsg
 */
#define CELLCERT_CR 2

/*
 p10cr: a certificate, for a PKCS #10 request
 */
#define CELLCERT_P10CR 4

/*
 kur: a new certificate in place of the one that signs the message, for a CertReqMsg
 */
#define CELLCERT_KUR 7

/*
 ccr: a certificate for another CA, for a CertReqMsg (RFC 9810 section 5.3.11)
 */
#define CELLCERT_CCR 13

/*
 accepted
 */
#define CELLCERT_STATUS_ACCEPTED 0

/*
 grantedWithMods: something was changed; compare
 */
#define CELLCERT_STATUS_GRANTED_WITH_MODS 1

/*
 rejection
 */
#define CELLCERT_STATUS_REJECTION 2

/*
 Another status of RFC 9810 section 5.2.3
 */
#define CELLCERT_STATUS_OTHER 3

/*
 A certificate came: check it.
 */
#define CELLCERT_EVENT_GRANTED 1

/*
 The RA/CA is working on it: poll later.
 */
#define CELLCERT_EVENT_WAITING 2

/*
 The RA/CA has the confirmation, or the rejection: the transaction is over.
 */
#define CELLCERT_EVENT_CONFIRMED 3

/*
 The certificate is revoked, or off hold: the transaction is over.
 */
#define CELLCERT_EVENT_REVOKED 4

/*
 The question is answered: the transaction is over.
 */
#define CELLCERT_EVENT_INFORMATION 5

/*
 The RA/CA refuses: the transaction is over. cellcert_transaction_status says why.
 */
#define CELLCERT_EVENT_REFUSED 6

/*
 A ciphertext came for the KEM key: decapsulate it.
 */
#define CELLCERT_EVENT_CIPHERTEXT 7

/*
 A certificate came, enciphered for its key: open it. Firmware that is built without `enveloped-data` has CELLCERT_ERR_UNSUPPORTED instead, and
 the transaction is over.
 */
#define CELLCERT_EVENT_SEALED 8

/*
 Refusals may come without protection.
 */
#define CELLCERT_QUIRK_UNPROTECTED_ERRORS 1

/*
 A request with a MAC may be answered with a signature.
 */
#define CELLCERT_QUIRK_ANSWER_BY_OTHER_KIND 2

/*
 PBMAC1's key derivation function may be called id-PBES2.
 */
#define CELLCERT_QUIRK_PBES2_IN_PBMAC1 3

/*
 An anchor that signs messages itself need not have digitalSignature in its keyUsage.
 */
#define CELLCERT_QUIRK_SIGNER_WITHOUT_DIGITAL_SIGNATURE 4

/*
 PasswordBasedMac may name SHA-1.
 */
#define CELLCERT_QUIRK_SHA1_IN_MAC 5

/*
 Without anchors, the root is taken from the extraCerts of the first ip (TS 33.310 section 9.5.4.3). Whoever is on the way can be the RA/CA
 then: only over a way that is protected otherwise. cellcert_transaction_first_contact_root has it.
 */
#define CELLCERT_QUIRK_ROOT_FROM_EXTRA_CERTS 6

/*
 The sender field and the senderKID of an answer need not be those of its signer's certificate.
 */
#define CELLCERT_QUIRK_SENDER_OF_ANOTHER 7

/*
 The answers of one transaction may be signed with different certificates.
 */
#define CELLCERT_QUIRK_SIGNER_CHANGES 8

/*
 The answer to a single message may come inside a nested message, of which nothing is believed.
 */
#define CELLCERT_QUIRK_NESTED_ANSWERS 9

/*
 The version of this header, as MAJOR * 10000 + MINOR * 100 + PATCH. Versions with the same MAJOR, and below 1.0 the same MINOR,
 fit together.
 */
#define CELLCERT_VERSION 100

/*
 What every other call begins with: the callbacks, and what is said about the last failure. Only one thread at a time may use a
 context; several threads have one each.
 */
typedef struct cellcert_context cellcert_context;

/*
 As whom messages are sent: the public half of a credential. It does not change and can be used for any number of transactions.
 */
typedef struct cellcert_identity cellcert_identity;

/*
 A private key in memory, wiped when it is freed.
 */
typedef struct cellcert_key cellcert_key;

#if defined(CELLCERT_NEM)
/*
 A Network Element Manager: it takes what stations upload, sends it up in batches, and hands certificates back. It has no socket; a program
 drives it by its own loop, with whatever the loop is made of:

 1. Tell it what happened: cellcert_nem_upload, cellcert_nem_answer, cellcert_nem_failure, cellcert_nem_delivered, cellcert_nem_report.
 2. Do what it wants, until there is nothing more: cellcert_nem_next_output says of which kind the next output is, and the
    cellcert_nem_output_ calls what is in it.
 3. Wait until something happens, or until the time that cellcert_nem_timeout says, and call cellcert_nem_tick then.

 Every step is in the ledger before its message leaves. When a call returns CELLCERT_ERR_MEMORY or CELLCERT_ERR_BUG, the NEM may be gone:
 calls return CELLCERT_ERR_STATE from then on. Free it, and make it anew from the ledger, as after a crash: nothing is lost by it.
 */
typedef struct cellcert_nem cellcert_nem;
#endif

#if defined(CELLCERT_NEM)
/*
 A station's own message on its way to the RA/CA.
 */
typedef struct cellcert_passage cellcert_passage;
#endif

/*
 A request for a certificate: what it asks for, and once it is signed, its octets. Make it a PKCS #10 request with the
 cellcert_pkcs10_ calls, or a CRMF request with the cellcert_crmf_ calls.
 */
typedef struct cellcert_request cellcert_request;

/*
 One transaction. The order of the calls, until nothing is left to do:

 1. cellcert_transaction_enrol, _revoke or _general makes it.
 2. cellcert_transaction_start makes the first message. Without a signer at hand, sign what cellcert_transaction_to_be_signed has, and
    hand the signature to cellcert_transaction_with_signature: this holds for every later message, too.
 3. Send what cellcert_transaction_message has, and hand the answer to cellcert_transaction_handle. When an answer is refused it may be a
    planted one: wait for another one, or send the same message again. Only CELLCERT_ERR_ANSWER ends the transaction.
 4. CELLCERT_EVENT_WAITING: wait as long as cellcert_transaction_check_after says, call cellcert_transaction_poll, go on with 3.
    CELLCERT_EVENT_GRANTED: call cellcert_transaction_check_certificate; then cellcert_transaction_confirm or, when the certificate is not
    good, cellcert_transaction_reject, and go on with 3; but when cellcert_transaction_implicitly_confirmed says so, it is over.
    Every other event is the end.

 Of a certificate for a key that does not sign, there is CELLCERT_EVENT_SEALED after 3.: call cellcert_transaction_open_certificate, and go on
 as after CELLCERT_EVENT_GRANTED. Of a key that the RA/CA was to generate, call cellcert_transaction_open_private_key after
 CELLCERT_EVENT_GRANTED, before anything else.

 With the identity of a KEM key, 2. is cellcert_transaction_ask_ciphertext. After 3. there is CELLCERT_EVENT_CIPHERTEXT: decapsulate what
 cellcert_transaction_ciphertext has, hand the secret to cellcert_transaction_with_secret, and go on with 3.

 An RA/CA that answers by KEM-based MACs is told so before 2.: cellcert_transaction_set_answerer.

 A call that does not come next returns CELLCERT_ERR_STATE and changes nothing.
 */
typedef struct cellcert_transaction cellcert_transaction;

/*
 Whom to believe as the RA/CA, and what to put up with. It can be used for any number of transactions.
 */
typedef struct cellcert_trust cellcert_trust;

/*
 A request whose proof of possession holds. Whether its sender may have the certificate is not known by that.
 */
typedef struct cellcert_verified cellcert_verified;

/*
 A source of randomness that is cryptographically secure.
 */
typedef struct {
    /*
     Fills `out` with `len` random octets. Returns CELLCERT_OK, or anything else when it cannot: the call that asked fails then with
     CELLCERT_ERR_RANDOM.
     */
    int32_t (*fill)(void *ctx, uint8_t *out, size_t len);
    /*
     Handed to every call of `fill`.
     */
    void *ctx;
} cellcert_random;

/*
 A clock.
 */
typedef struct {
    /*
     Sets `milliseconds` to the milliseconds since 1970-01-01T00:00:00Z; a clock of whole seconds will do where there is no NEM. Returns
     CELLCERT_OK, or anything else when it cannot: the call that asked fails then with CELLCERT_ERR_CLOCK.
     */
    int32_t (*now)(void *ctx, uint64_t *milliseconds);
    /*
     Handed to every call of `now`.
     */
    void *ctx;
} cellcert_clock;

/*
 Whatever verifies signatures in place of the library, hardware for instance.
 */
typedef struct {
    /*
     Whether `signature` was made over `octets` (not their digest) by the key, a SubjectPublicKeyInfo in DER; `algorithm` is one of the
     CELLCERT_SIG_ constants and fits the key. Returns CELLCERT_OK when it was, CELLCERT_ERR_UNSUPPORTED to leave it to the library, and
     anything else when it was not.
     */
    int32_t (*verify)(void *ctx,
                      int32_t algorithm,
                      const uint8_t *public_key,
                      size_t public_key_len,
                      const uint8_t *octets,
                      size_t octets_len,
                      const uint8_t *signature,
                      size_t signature_len);
    /*
     Handed to every call of `verify`.
     */
    void *ctx;
} cellcert_verifier;

/*
 A private key, wherever it is.
 */
typedef struct {
    /*
     Signs `octets` (not their digest). `signature_len` says how much room there is at `signature`, which is enough for every signature of
     the algorithm, and is set to the signature's length. Returns CELLCERT_OK, or anything else when it cannot: the call that asked fails
     then with CELLCERT_ERR_SIGN.
     */
    int32_t (*sign)(void *ctx,
                    const uint8_t *octets,
                    size_t octets_len,
                    uint8_t *signature,
                    size_t *signature_len);
    /*
     Handed to every call of `sign`.
     */
    void *ctx;
    /*
     One of the CELLCERT_SIG_ constants.
     */
    int32_t algorithm;
    /*
     The public half: a SubjectPublicKeyInfo in DER.
     */
    const uint8_t *public_key;
    /*
     How many octets it has.
     */
    size_t public_key_len;
} cellcert_signer;

/*
 Octets that stay the caller's.
 */
typedef struct {
    /*
     Where they begin.
     */
    const uint8_t *data;
    /*
     How many there are.
     */
    size_t len;
} cellcert_octets;

/*
 A private key that others encipher for, wherever it is.
 */
typedef struct {
    /*
     Opens `input` in that way, one of the CELLCERT_DECIPHER_ constants that fits the key. `secret_len` says how much room there is at
     `secret`, which is enough for whatever comes of it, and is set to the secret's length. Returns CELLCERT_OK, or anything else when it
     cannot: the call that asked fails then with CELLCERT_ERR_DECIPHER. The library wipes its copy of the secret.
     */
    int32_t (*decipher)(void *ctx,
                        int32_t way,
                        const uint8_t *input,
                        size_t input_len,
                        uint8_t *secret,
                        size_t *secret_len);
    /*
     Handed to every call of `decipher`.
     */
    void *ctx;
    /*
     The public half: a SubjectPublicKeyInfo in DER.
     */
    const uint8_t *public_key;
    /*
     How many octets it has.
     */
    size_t public_key_len;
} cellcert_decipherer;

/*
 One part of a distinguished name.
 */
typedef struct {
    /*
     One of the CELLCERT_NAME_ constants.
     */
    int32_t attribute;
    /*
     What it says: UTF-8, of 1 to 64 characters.
     */
    const char *value;
} cellcert_name_part;

#if defined(CELLCERT_NEM)
/*
 An RA/CA, and as whom the NEM speaks to it. Numbers that are 0 stand for the default.
 */
typedef struct {
    /*
     What the operator calls it.
     */
    const char *name;
    /*
     The NEM's certificate, which the RA/CA knows as an RA's.
     */
    const cellcert_identity *identity;
    /*
     Its key. What `ctx` points to must outlive the NEM.
     */
    const cellcert_signer *signer;
    /*
     Whom to believe as this RA/CA; without secrets and intermediates.
     */
    const cellcert_trust *trust;
    /*
     Of those that may have a request, the healthy one with the lowest number gets it; 100 by default.
     */
    uint32_t priority;
    /*
     The groups whose stations it serves; when there are none, every station's.
     */
    const char *const *groups;
    /*
     How many groups.
     */
    size_t group_count;
    /*
     The certificate profiles that it serves; when there are none, all.
     */
    const char *const *profiles;
    /*
     How many profiles.
     */
    size_t profile_count;
    /*
     How many messages go up together in a batch (RFC 9483 section 5.2.2.2); 1: nothing is nested. 32 by default.
     */
    uint32_t batch_size;
    /*
     How long the first message of a batch waits for others at most; 100 by default.
     */
    uint32_t batch_delay_milliseconds;
    /*
     Messages or batches under way at a time; 32 by default.
     */
    uint32_t max_in_flight;
    /*
     Not 0: to ask that no certConf be awaited.
     */
    int32_t implicit_confirm;
    /*
     A certificate is confirmed only when its station has it, and turned down when that takes longer than this; 0: it is confirmed as soon
     as it is checked.
     */
    uint32_t confirm_when_fetched_seconds;
} cellcert_upstream;
#endif

#if defined(CELLCERT_NEM)
/*
 A station that there is. Octets of none, and texts that are NULL, say nothing. There must be something to know it by: the vendor certificate's
 subject, serial number or fingerprint, an account, or a tunnel address.
 */
typedef struct {
    /*
     What the operator calls it.
     */
    const char *name;
    /*
     The distinguished name that its certificate has, in DER.
     */
    cellcert_octets subject;
    /*
     The vendor certificate's subject, in DER.
     */
    cellcert_octets vendor_subject;
    /*
     The vendor certificate's serial number, big-endian.
     */
    cellcert_octets vendor_serial_number;
    /*
     Who issued the vendor certificate, in DER; alone it recognises nothing.
     */
    cellcert_octets vendor_issuer;
    /*
     The SHA-256 of the vendor certificate.
     */
    cellcert_octets vendor_fingerprint;
    /*
     The alternative names that its certificate may have: a SubjectAltName (RFC 5280 section 4.2.1.6) in DER.
     */
    cellcert_octets alternative_names;
    /*
     The certificate profile that it is for.
     */
    const char *profile;
    /*
     The groups it belongs to, by which an RA/CA is chosen.
     */
    const char *const *groups;
    /*
     How many groups.
     */
    size_t group_count;
    /*
     One of the CELLCERT_STATION_ constants.
     */
    int32_t state;
    /*
     Its user name, where it shows no certificate. The program checks passwords.
     */
    const char *account;
    /*
     Its address inside the IPsec tunnel: 4 or 16 octets.
     */
    cellcert_octets tunnel_address;
} cellcert_station;
#endif

#if defined(CELLCERT_NEM)
/*
 What a ledger is to write.
 */
typedef struct {
    /*
     The key: at most 64 octets.
     */
    const uint8_t *key;
    /*
     How many octets it has.
     */
    size_t key_len;
    /*
     Its new value; NULL: the key is removed.
     */
    const uint8_t *value;
    /*
     How many octets it has; it may have none.
     */
    size_t value_len;
} cellcert_ledger_entry;
#endif

#if defined(CELLCERT_NEM)
/*
 Where a NEM keeps its requests: an ordered map of octets to octets, which a table in any database is, or a file. Any code but those named
 here means that it cannot be used now: the NEM goes on, and tries again later. Values hold no private keys.
 */
typedef struct {
    /*
     The value of a key. `len` is the room at `out` and becomes the value's length. CELLCERT_ERR_NONE: there is no such key.
     CELLCERT_ERR_BUFFER: there is too little room, and `len` says how much it takes; the call is made again then.
     */
    int32_t (*get)(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t *len);
    /*
     The first key behind `key`, which need not be there itself; keys are compared octet by octet, as memcmp does, and of two that begin
     the same the shorter one comes first. The other arguments and the codes are those of `get`.
     */
    int32_t (*next)(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t *len);
    /*
     Writes entries: all of them, or none. When it returns CELLCERT_OK they survive a crash.
     */
    int32_t (*write)(void *ctx, const cellcert_ledger_entry *entries, size_t count);
    /*
     Handed to every call.
     */
    void *ctx;
} cellcert_ledger;
#endif

#if defined(CELLCERT_NEM)
/*
 What a NEM is made of. Numbers that are 0 stand for the default.
 */
typedef struct {
    /*
     The RA/CAs: at least one.
     */
    const cellcert_upstream *upstreams;
    /*
     How many RA/CAs.
     */
    size_t upstream_count;
    /*
     The stations.
     */
    const cellcert_station *stations;
    /*
     How many stations.
     */
    size_t station_count;
    /*
     The CAs of the stations' vendors, in DER: for their first certificates.
     */
    const cellcert_octets *vendor_anchors;
    /*
     How many.
     */
    size_t vendor_anchor_count;
    /*
     The operator's CAs, in DER: for their further certificates.
     */
    const cellcert_octets *operator_anchors;
    /*
     How many.
     */
    size_t operator_anchor_count;
    /*
     Where requests are kept; NULL: in `ledger_file`.
     */
    const cellcert_ledger *ledger;
    /*
     A file for the library's own ledger, which is made when there is none. One NEM at a time may use it.
     */
    const char *ledger_file;
    /*
     Requests under way at a time; 100,000 by default.
     */
    size_t max_requests;
    /*
     Requests of one station under way at a time; 4 by default.
     */
    size_t max_requests_per_station;
    /*
     The first delay before something is tried again, which doubles each time; 1000 by default.
     */
    uint64_t first_retry_milliseconds;
    /*
     The longest such delay; 60,000 by default.
     */
    uint64_t last_retry_milliseconds;
    /*
     When a station is told to come back; 5000 by default.
     */
    uint64_t retry_after_milliseconds;
    /*
     How long a station that uploads a rejected request again is told why; 60,000 by default.
     */
    uint64_t rejection_stands_milliseconds;
} cellcert_nem_config;
#endif

#if defined(CELLCERT_NEM)
/*
 Which requests leave in a file. All of it may be zero: then every request that may leave does.
 */
typedef struct {
    /*
     What is in the file: one of the CELLCERT_EXPORT_ constants.
     */
    int32_t form;
    /*
     For which RA/CA it is; NULL: the one that comes first.
     */
    const char *upstream;
    /*
     Of stations of that group only; NULL: of all.
     */
    const char *group;
    /*
     That many at most, those that wait longest; 0: all. The file is held in memory until it is written.
     */
    size_t max;
    /*
     Not 0: what may have reached an RA/CA leaves, too, in new transactions. Somebody made sure that nothing was issued for it.
     */
    int32_t anew;
} cellcert_export_order;
#endif

#if defined(CELLCERT_NEM)
/*
 By what a station is known: one of the three.
 */
typedef struct {
    /*
     The certificates that it showed to TLS, in DER, its own first; it has the key for that.
     */
    const cellcert_octets *certificates;
    /*
     How many certificates.
     */
    size_t certificate_count;
    /*
     The user name that it logged in with; its password was right.
     */
    const char *account;
    /*
     Its address inside the IPsec tunnel, 4 or 16 octets; nobody else can have it.
     */
    cellcert_octets tunnel_address;
} cellcert_shown;
#endif

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes a context. The callbacks are copied; what their `ctx` points to must outlive the context. They are called by the thread that
 makes the call, and must not use the context or a handle of that call; they return normally, neither by longjmp nor by an
 exception.

 random: NULL for the operating system's, which firmware does not have.
 clock: NULL for the operating system's, which firmware does not have: calls that need the time fail there then.
 verifier: NULL for the library's own.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_context_new(const cellcert_random *random,
                             const cellcert_clock *clock,
                             const cellcert_verifier *verifier,
                             cellcert_context **out);

/*
 Frees a context and sets the variable to NULL. Handles made with it can still be used, with another one.

 # Safety
 `context` points to a variable with a context, or NULL.
 */
int32_t cellcert_context_free(cellcert_context **context);

/*
 What is said about the failure of the last call with this context, a text with its NUL. CELLCERT_ERR_NONE when it has not failed, or the
 code says all.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_error_detail(const cellcert_context *context,
                              char *out,
                              size_t *len);

/*
 The octets to sign: the CertRequest in DER, or the POPOSigningKeyInput when there is no subject. They are the same until the request is
 changed.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_to_be_signed(const cellcert_context *context,
                                   const cellcert_request *request,
                                   uint8_t *out,
                                   size_t *len);

/*
 Makes the request from a signature over those octets, made by that algorithm, one of the CELLCERT_SIG_ constants. The signature
 is not verified. Read the request, a CertReqMsg, with cellcert_request_octets.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_with_signature(const cellcert_context *context,
                                     const cellcert_request *request,
                                     int32_t signature_algorithm,
                                     const uint8_t *signature,
                                     size_t signature_len);

/*
 Makes the request with a signer at hand. Read it, a CertReqMsg, with cellcert_request_octets.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_sign(const cellcert_context *context,
                           const cellcert_request *request,
                           const cellcert_signer *signer);

/*
 Makes the request of an RA that has verified the proof of possession by other means: raVerified stands in its place.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_ra_verified(const cellcert_context *context,
                                  const cellcert_request *request);

/*
 Makes the request for a key that does not sign, one of the CELLCERT_POP_ constants, whose proof comes with a later message, one of the
 CELLCERT_SUBSEQUENT_ constants.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_subsequent_message(const cellcert_context *context,
                                         const cellcert_request *request,
                                         int32_t pop,
                                         int32_t subsequent);

/*
 Makes the request for a certificate and its key, which the RA/CA generates (RFC 9483 section 4.1.6), of a request that
 cellcert_request_new_without_key began. The key comes enciphered for whatever the message is protected with: see
 cellcert_transaction_open_private_key.

 kind: one of the CELLCERT_KEY_ constants, or 0 to leave it to the RA/CA, which also chooses the length of an RSA key.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_generate_key(const cellcert_context *context,
                                   const cellcert_request *request,
                                   int32_t kind);

/*
 Puts CertReqMsgs together: a CertReqMessages in DER. At most 64.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_messages(const cellcert_context *context,
                               const cellcert_octets *requests,
                               size_t count,
                               uint8_t *out,
                               size_t *len);

/*
 The CertReqMsg at that place, from 0, in a CertReqMessages; both in DER. CELLCERT_ERR_NONE behind the last one.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_message(const cellcert_context *context,
                              const uint8_t *messages,
                              size_t messages_len,
                              size_t index,
                              uint8_t *out,
                              size_t *len);

/*
 Verifies the signature of the proof of possession in a CertReqMsg in DER.

 sender: the distinguished name, in DER, under which the sender of the message is authenticated; a request without subject needs it. NULL
 when there is none.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_verify(const cellcert_context *context,
                             const uint8_t *request,
                             size_t request_len,
                             const uint8_t *sender,
                             size_t sender_len,
                             cellcert_verified **out);

/*
 The same for a requester that is known by a secret shared with it: a request without subject must hold a publicKeyMAC made with it.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_verify_with_secret(const cellcert_context *context,
                                         const uint8_t *request,
                                         size_t request_len,
                                         const char *secret,
                                         cellcert_verified **out);

/*
 Takes an RA's word, raVerified, in place of a proof. Nothing is verified by this but that a certificate can be asked for so: whoever
 calls it asserts that the message is protected by an authorised RA.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_crmf_accept_ra_verified(const cellcert_context *context,
                                         const uint8_t *request,
                                         size_t request_len,
                                         cellcert_verified **out);

/*
 Whoever signs with the key of a certificate.

 certificate: in DER.
 chain: the certificates between it and the root, without the root; they are sent with each message.
 signature_algorithm: what signatures are made with, one of the CELLCERT_SIG_ constants.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_identity_new(const cellcert_context *context,
                              const uint8_t *certificate,
                              size_t certificate_len,
                              const cellcert_octets *chain,
                              size_t chain_count,
                              int32_t signature_algorithm,
                              cellcert_identity **out);

/*
 Whoever owns the KEM key of a certificate, and protects messages by KEM-based MACs (RFC 9810 section 5.1.3.4): begin with
 cellcert_transaction_ask_ciphertext. certificate and chain as in cellcert_identity_new.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_identity_new_kem(const cellcert_context *context,
                                  const uint8_t *certificate,
                                  size_t certificate_len,
                                  const cellcert_octets *chain,
                                  size_t chain_count,
                                  cellcert_identity **out);

/*
 Whoever shares a secret with the RA/CA (RFC 9483 section 4.1.5). Make a new one for each transaction.

 reference: what the RA/CA knows the secret by.
 mac: one of the CELLCERT_MAC_ constants, with a fresh salt and 10,000 iterations.
 sender: the distinguished name to send under, in DER; NULL for one with the reference as commonName.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_identity_new_secret(const cellcert_context *context,
                                     const uint8_t *reference,
                                     size_t reference_len,
                                     const char *secret,
                                     int32_t mac,
                                     const uint8_t *sender,
                                     size_t sender_len,
                                     cellcert_identity **out);

/*
 Frees an identity and sets the variable to NULL.

 # Safety
 `identity` points to a variable with an identity, or NULL.
 */
int32_t cellcert_identity_free(cellcert_identity **identity);

/*
 Makes a new key of that kind, one of the CELLCERT_KEY_ constants. RSA takes up to seconds. The firmware profile uses the context's
 randomness, the host profile the operating system's.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_key_generate(const cellcert_context *context,
                              int32_t kind,
                              cellcert_key **out);

/*
 Takes a key from a PrivateKeyInfo (PKCS #8) in DER, not encrypted.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_key_from_pkcs8(const cellcert_context *context,
                                const uint8_t *pkcs8,
                                size_t pkcs8_len,
                                cellcert_key **out);

/*
 Frees a key and sets the variable to NULL. Signers of it must not be used any more.

 # Safety
 `key` points to a variable with a key, or NULL.
 */
int32_t cellcert_key_free(cellcert_key **key);

/*
 The key as a PrivateKeyInfo (PKCS #8) in DER, not encrypted: keep it secret, and wipe the buffer.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_key_pkcs8(const cellcert_key *key, uint8_t *out, size_t *len);

/*
 The public half: a SubjectPublicKeyInfo in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_key_public(const cellcert_key *key, uint8_t *out, size_t *len);

/*
 What is in a ciphertext that was encapsulated for this key, one of the CELLCERT_KEY_ML_KEM_ constants: keep it secret, and wipe the
 buffer. CELLCERT_ERR_KEY when it is a key that signs. A ciphertext that nobody encapsulated gives a secret that nobody knows.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_key_decapsulate(const cellcert_key *key,
                                 const uint8_t *ciphertext,
                                 size_t ciphertext_len,
                                 uint8_t *secret,
                                 size_t *secret_len);

/*
 A signer that uses this key. It stands for as long as the key. CELLCERT_ERR_KEY when the key signs nothing.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_key_signer(const cellcert_key *key, cellcert_signer *out);

/*
 A decipherer that uses this key. It stands for as long as the key. CELLCERT_ERR_KEY when the key only signs; CELLCERT_ERR_UNSUPPORTED in
 firmware that is built without `enveloped-data`. ECDH in the host profile is AWS-LC's, which ends the process where memory runs out in it.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_key_decipherer(const cellcert_key *key,
                                cellcert_decipherer *out);

/*
 Makes a distinguished name in DER from its parts, as they stand in the encoding: the widest first, the commonName as a rule last. Of no
 parts it is the NULL-DN.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_name(const cellcert_context *context,
                      const cellcert_name_part *parts,
                      size_t count,
                      uint8_t *out,
                      size_t *len);

#if defined(CELLCERT_NEM)
/*
 Makes a NEM, which goes on where its ledger ends. What the configuration points to is not needed any more when this returns, but for what the
 `ctx` of callbacks points to: those of the context, the ledger and the signers must outlive the NEM.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_new(const cellcert_context *context,
                         const cellcert_nem_config *config,
                         cellcert_nem **out);
#endif

#if defined(CELLCERT_NEM)
/*
 Frees a NEM and sets the variable to NULL.

 # Safety
 `nem` points to a variable with a NEM, or NULL.
 */
int32_t cellcert_nem_free(cellcert_nem **nem);
#endif

#if defined(CELLCERT_NEM)
/*
 From now on these are the stations. What is under way for stations that are gone or blocked is not sent, or turned down when it comes.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_set_stations(const cellcert_context *context,
                                  const cellcert_nem *nem,
                                  const cellcert_station *stations,
                                  size_t count);
#endif

#if defined(CELLCERT_NEM)
/*
 From now on stations are known by these CAs, in DER: their vendors' and the operator's, as in cellcert_nem_config. CRLs stay.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_set_anchors(const cellcert_context *context,
                                 const cellcert_nem *nem,
                                 const cellcert_octets *vendor,
                                 size_t vendor_count,
                                 const cellcert_octets *operators,
                                 size_t operator_count);
#endif

#if defined(CELLCERT_NEM)
/*
 From now on these are the RA/CAs. Requests under way end where they began.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_set_upstreams(const cellcert_context *context,
                                   const cellcert_nem *nem,
                                   const cellcert_upstream *upstreams,
                                   size_t count);
#endif

#if defined(CELLCERT_NEM)
/*
 From now on certificates of stations and of RA/CAs are looked up in these CRLs, in DER; `required` as in cellcert_trust_set_crls.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_set_crls(const cellcert_context *context,
                              const cellcert_nem *nem,
                              const cellcert_octets *crls,
                              size_t count,
                              int32_t required);
#endif

#if defined(CELLCERT_NEM)
/*
 Has requests leave in a file, which will be called so: from now on nothing about them goes online. Read what is in it, write it, and call
 cellcert_nem_export_written. When the program ends before, cellcert_nem_exports has the export, and cellcert_nem_export_again the same
 octets. CELLCERT_ERR_NONE: no request may leave; cellcert_error_detail says why. `id`: 16 octets, which become the export's name.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_export(const cellcert_context *context,
                            const cellcert_nem *nem,
                            const cellcert_export_order *order,
                            const char *file,
                            uint8_t *id);
#endif

#if defined(CELLCERT_NEM)
/*
 The file of an export once more, given its 16 octets: those of its requests that are still out, octet for octet.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_export_again(const cellcert_context *context,
                                  const cellcert_nem *nem,
                                  const uint8_t *id,
                                  const char *file);
#endif

#if defined(CELLCERT_NEM)
/*
 After an export as CELLCERT_EXPORT_PKI: what is in the file, a PKIMessage in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_export_file(const cellcert_nem *nem, uint8_t *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 After an export: of the request at that place, from 0, its 16 octets and what left of it, a PKIMessage or the PKCS #10 request in DER.
 CELLCERT_ERR_NONE: there is none at that place.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_export_request(const cellcert_nem *nem,
                                    size_t index,
                                    uint8_t *id,
                                    uint8_t *out,
                                    size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 After an export: the name of the station of the request at that place.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_export_station(const cellcert_nem *nem, size_t index, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 The file of the last export is written: that is in the ledger then.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_export_written(const cellcert_context *context, const cellcert_nem *nem);
#endif

#if defined(CELLCERT_NEM)
/*
 The export at that place, from 0, newest first: its 16 octets, how many of its requests are still out, and whether its file is known to be
 written. CELLCERT_ERR_NONE: there is none at that place.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_exports(const cellcert_nem *nem,
                             size_t index,
                             uint8_t *id,
                             size_t *requests_out,
                             int32_t *written);
#endif

#if defined(CELLCERT_NEM)
/*
 Those requests of an export that are still out go online again; `count` becomes how many.

 anew: not 0 to have each begin a new transaction, at whatever RA/CA: somebody made sure that nothing was, or will be, issued for the
 file.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_export_release(const cellcert_context *context,
                                    const cellcert_nem *nem,
                                    const uint8_t *id,
                                    int32_t anew,
                                    size_t *count);
#endif

#if defined(CELLCERT_NEM)
/*
 Takes a file of answers, a PKIMessage in DER: the answer to an export. It must be believed as a whole; each answer in it fares by itself,
 and `count` becomes how many verdicts there are to read. CELLCERT_ERR_NONE: it answers no export that is out.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_import(const cellcert_context *context,
                            const cellcert_nem *nem,
                            const uint8_t *answers,
                            size_t answers_len,
                            size_t *count);
#endif

#if defined(CELLCERT_NEM)
/*
 Takes certificates, in DER, that a CA issued for an export as CELLCERT_EXPORT_PKCS10, in any order; CA certificates among them are taken as
 parts of chains. `count` becomes how many verdicts there are to read.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_import_certificates(const cellcert_context *context,
                                         const cellcert_nem *nem,
                                         const cellcert_octets *issued,
                                         size_t issued_count,
                                         size_t *count);
#endif

#if defined(CELLCERT_NEM)
/*
 After an import: what became of the answer, or the request, at that place, from 0: one of the CELLCERT_VERDICT_ constants, and the 16 octets
 of the request; zeros where none is known. CELLCERT_ERR_NONE: there is none at that place.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_verdict(const cellcert_nem *nem,
                             size_t index,
                             uint8_t *id,
                             int32_t *verdict);
#endif

#if defined(CELLCERT_NEM)
/*
 After an import: the name of the station at that place. CELLCERT_ERR_NONE: it is not known.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_verdict_station(const cellcert_nem *nem, size_t index, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 After an import: what people should know beside the verdict at that place. CELLCERT_ERR_NONE: nothing.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_verdict_reason(const cellcert_nem *nem, size_t index, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 From now on the NEM signs with that at the RA/CA of that name; what was signed before is sent as it is. A NEM renews its own certificate by a
 transaction with CELLCERT_KUR, as a station does, and hands the new one in here. What the signer's `ctx` points to must outlive the NEM, and
 so must that of the signer before. CELLCERT_ERR_UPSTREAM: there is no RA/CA of that name.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_set_credential(const cellcert_context *context,
                                    const cellcert_nem *nem,
                                    const char *upstream,
                                    const cellcert_identity *identity,
                                    const cellcert_signer *signer);
#endif

#if defined(CELLCERT_NEM)
/*
 When a certificate, in DER, is to be renewed, after two thirds of its validity, and when it ends: in seconds since 1970-01-01T00:00:00Z.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_renewal_times(const cellcert_context *context,
                               const uint8_t *certificate,
                               size_t certificate_len,
                               uint64_t *renew,
                               uint64_t *end);
#endif

#if defined(CELLCERT_NEM)
/*
 From now on stations count as connected by these rules. One that does not can neither enrol nor renew: CELLCERT_ERR_ABSENT. By default all do that
 nobody has reported absent, for ever.

 silent_after_seconds: how long after the NEM heard of a station last it counts as gone; 0: never.
 own_contact: not 0 when a station's own uploads and messages tell that it is there, as by default; 0: reports alone.
 drop_queued: not 0 to reject what is to be sent for a station that is not there; 0, by default: it waits for its station.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_set_liveness(const cellcert_context *context,
                                  const cellcert_nem *nem,
                                  uint64_t silent_after_seconds,
                                  int32_t own_contact,
                                  int32_t drop_queued);
#endif

#if defined(CELLCERT_NEM)
/*
 Others know of a station: not 0 when it is there, a heartbeat for instance; 0 when it is not, which then counts, whatever the station does
 itself, until the opposite is reported. CELLCERT_ERR_STATION: there is no station of that name.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_report(const cellcert_context *context,
                            const cellcert_nem *nem,
                            const char *station,
                            int32_t connected);
#endif

#if defined(CELLCERT_NEM)
/*
 Finds the station that shows that, and takes note that it is there, as an upload does: a heartbeat of the station's own. Delivers its
 name. The codes are those of cellcert_nem_upload.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_identify(const cellcert_context *context,
                              const cellcert_nem *nem,
                              const cellcert_shown *shown,
                              char *out,
                              size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 Whether the station of that name counts as connected, 1 or 0; and when the NEM heard of it last since it was made, in seconds since
 1970-01-01T00:00:00Z, 0 when it did not. `last_contact` may be NULL. CELLCERT_ERR_STATION: there is no station of that name.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_presence(const cellcert_context *context,
                              const cellcert_nem *nem,
                              const char *station,
                              int32_t *connected,
                              uint64_t *last_contact);
#endif

#if defined(CELLCERT_NEM)
/*
 How many stations count as connected.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_connected_stations(const cellcert_context *context,
                                        const cellcert_nem *nem,
                                        size_t *count);
#endif

#if defined(CELLCERT_NEM)
/*
 Lets what waits for its batch go now: at the RA/CA of that name, or with NULL at all.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_flush(const cellcert_context *context, const cellcert_nem *nem, const char *upstream);
#endif

#if defined(CELLCERT_NEM)
/*
 Holds a request, given its 16 octets: nothing about it goes up until it is released.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_hold(const cellcert_context *context, const cellcert_nem *nem, const uint8_t *id);
#endif

#if defined(CELLCERT_NEM)
/*
 Lets a request go on that was held.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_release(const cellcert_context *context, const cellcert_nem *nem, const uint8_t *id);
#endif

#if defined(CELLCERT_NEM)
/*
 Tries a request again at once: one that waits for that, or one that was rejected, which begins anew.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_retry(const cellcert_context *context, const cellcert_nem *nem, const uint8_t *id);
#endif

#if defined(CELLCERT_NEM)
/*
 Rejects a request; a certificate that still comes for it is turned down.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_reject(const cellcert_context *context,
                            const cellcert_nem *nem,
                            const uint8_t *id,
                            const char *reason);
#endif

#if defined(CELLCERT_NEM)
/*
 The station of that name wants that certificate no more. CELLCERT_ERR_NONE: the request is decided already, or not the station's.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_cancel(const cellcert_context *context,
                            const cellcert_nem *nem,
                            const char *station,
                            const uint8_t *id);
#endif

#if defined(CELLCERT_NEM)
/*
 How many requests are not decided.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_requests_under_way(const cellcert_nem *nem, size_t *count);
#endif

#if defined(CELLCERT_NEM)
/*
 Since when no RA/CA answers, in seconds since 1970-01-01T00:00:00Z: if it lasts, carry requests by hand. CELLCERT_ERR_NONE: one does.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_outage(const cellcert_nem *nem,
                            uint64_t *since);
#endif

#if defined(CELLCERT_NEM)
/*
 How the RA/CA of that name does: one of the CELLCERT_HEALTH_ constants; and how many messages wait for it. CELLCERT_ERR_NONE: there is none of
 that name.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_health(const cellcert_nem *nem,
                            const char *upstream,
                            int32_t *health,
                            size_t *waiting);
#endif

#if defined(CELLCERT_NEM)
/*
 Takes the next thing to do, and sets `kind` to one of the CELLCERT_OUTPUT_ constants; the cellcert_nem_output_ calls are about it then. What was
 taken before is gone. CELLCERT_ERR_NONE: there is nothing until something happens.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_next_output(const cellcert_nem *nem,
                                 int32_t *kind);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_OUTPUT_SEND: the number of the exchange.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_output_exchange(const cellcert_nem *nem, uint64_t *exchange);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_OUTPUT_SEND: the message, a PKIMessage in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_output_message(const cellcert_nem *nem, uint8_t *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_OUTPUT_SEND and CELLCERT_OUTPUT_NOTICE: the name of the RA/CA.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_output_upstream(const cellcert_nem *nem, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_OUTPUT_EVENT: the name of the station.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_output_station(const cellcert_nem *nem, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_OUTPUT_EVENT: the request, 16 octets at `id`; and what happened, one of the CELLCERT_HAPPENING_ constants.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_output_event(const cellcert_nem *nem,
                                  uint8_t *id,
                                  int32_t *happening);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_OUTPUT_EVENT and CELLCERT_OUTPUT_NOTICE: what happened, in words for the log.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_output_text(const cellcert_nem *nem, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 Looks at a PKIMessage that a station has signed itself: whether it may go up. Send what cellcert_passage_message has to the RA/CA that
 cellcert_passage_upstream names, hand what comes back to cellcert_nem_take_passed, and then to the station. A message that the station repeats goes
 up as it did before. When this refuses, cellcert_nem_refuse_message makes what the station is to be told.

 passing: one of the CELLCERT_PASSING_ constants. With the NEM's signature the station's is verified before, and its proof of possession.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_pass_up(const cellcert_context *context,
                             const cellcert_nem *nem,
                             const cellcert_shown *shown,
                             const uint8_t *message,
                             size_t message_len,
                             int32_t passing,
                             cellcert_passage **out);
#endif

#if defined(CELLCERT_NEM)
/*
 Frees a passage and sets the variable to NULL.

 # Safety
 `passage` points to a variable with a passage, or NULL.
 */
int32_t cellcert_passage_free(cellcert_passage **passage);
#endif

#if defined(CELLCERT_NEM)
/*
 What to send, a PKIMessage in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_passage_message(const cellcert_passage *passage, uint8_t *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 The name of the RA/CA.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_passage_upstream(const cellcert_passage *passage, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 The name of the station.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_passage_station(const cellcert_passage *passage, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 Takes note of what the RA/CA answered, a PKIMessage in DER, of which nothing is verified: the station does that. A certificate in it that is
 the station's is in the ledger, so that its renewal can be watched over.

 again: becomes 1 when the RA/CA did not know what to do with added protection: the answer is not for the station then. Send what
 cellcert_passage_message has now, the station's message as it was, and call this with the answer to that. When it is no error, this RA/CA gets
 nothing with added protection any more. Otherwise 0.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_take_passed(const cellcert_context *context,
                                 const cellcert_nem *nem,
                                 const cellcert_passage *passage,
                                 const uint8_t *answer,
                                 size_t answer_len,
                                 int32_t *again);
#endif

#if defined(CELLCERT_NEM)
/*
 Makes an error message, signed by the NEM, for a station whose message does not go up. Read it with cellcert_nem_refusal. CELLCERT_ERR_NONE when there
 is no RA/CA, and so no key to sign with.

 message: what the station sent.
 fail_info: the number of a PKIFailureInfo bit (RFC 9810 section 5.2.3), 23 for notAuthorized for instance.
 reason: for people.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_refuse_message(const cellcert_context *context,
                                    const cellcert_nem *nem,
                                    const uint8_t *message,
                                    size_t message_len,
                                    uint32_t fail_info,
                                    const char *reason);
#endif

#if defined(CELLCERT_NEM)
/*
 What cellcert_nem_refuse_message made last, a PKIMessage in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_refusal(const cellcert_nem *nem, uint8_t *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 The request that the station of that name calls so, the latest of them, or whose 16 octets are written so in 32 hexadecimal digits; sets the
 16 octets at `id`. CELLCERT_ERR_NONE: the station has no such request.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_request_of(const cellcert_nem *nem,
                                const char *station,
                                const char *name,
                                uint8_t *id);
#endif

#if defined(CELLCERT_NEM)
/*
 The request of the station of that name at that place, from 0, the latest first; sets the 16 octets at `id`. CELLCERT_ERR_NONE behind the last
 one.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_request_at(const cellcert_nem *nem,
                                const char *station,
                                size_t index,
                                uint8_t *id);
#endif

#if defined(CELLCERT_NEM)
/*
 How a request stands, given its 16 octets: one of the CELLCERT_STANDING_ constants. CELLCERT_ERR_NONE: there is no such request.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_standing(const cellcert_nem *nem,
                              const uint8_t *id,
                              int32_t *standing);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_STANDING_ISSUED: the certificate, in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_certificate(const cellcert_nem *nem, const uint8_t *id, uint8_t *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_STANDING_ISSUED: the CA certificate at that place, from 0, of those above the certificate, in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_chain(const cellcert_nem *nem,
                           const uint8_t *id,
                           size_t index,
                           uint8_t *out,
                           size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 CELLCERT_STANDING_REJECTED: why.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_reason(const cellcert_nem *nem, const uint8_t *id, char *out, size_t *len);
#endif

#if defined(CELLCERT_NEM)
/*
 Takes an upload of whoever shows that. When this returns CELLCERT_OK the request is in the ledger. The same octets uploaded again are the same
 request. CELLCERT_ERR_STATION, CELLCERT_ERR_NAME and others say why it is not taken; nothing was stored then.

 kind: one of the CELLCERT_UPLOAD_ constants.
 label: what the station calls it, 1 to 64 letters, digits, '.', '_' and '-', the first one no '.'; or NULL.
 id: 16 octets, which become the request's name.
 standing: one of the CELLCERT_STANDING_ constants, or NULL.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_upload(const cellcert_context *context,
                            const cellcert_nem *nem,
                            const cellcert_shown *shown,
                            int32_t kind,
                            const uint8_t *request,
                            size_t request_len,
                            const char *label,
                            uint8_t *id,
                            int32_t *standing);
#endif

#if defined(CELLCERT_NEM)
/*
 The RA/CA answered a message that was sent, with a PKIMessage in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_answer(const cellcert_context *context,
                            const cellcert_nem *nem,
                            uint64_t exchange,
                            const uint8_t *answer,
                            size_t answer_len);
#endif

#if defined(CELLCERT_NEM)
/*
 A message that was sent got no answer; it is sent again later.

 understood: 0 when it was answered by something that is no CMP message, an HTTP status for instance; 1 when nothing came back.
 reason: for the log.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_failure(const cellcert_context *context,
                             const cellcert_nem *nem,
                             uint64_t exchange,
                             int32_t understood,
                             const char *reason);
#endif

#if defined(CELLCERT_NEM)
/*
 The station has fetched its certificate. id: the request's 16 octets.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_delivered(const cellcert_context *context, const cellcert_nem *nem, const uint8_t *id);
#endif

#if defined(CELLCERT_NEM)
/*
 Time has passed.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_tick(const cellcert_context *context, const cellcert_nem *nem);
#endif

#if defined(CELLCERT_NEM)
/*
 When to call cellcert_nem_tick, if nothing happens before: in milliseconds since 1970-01-01T00:00:00Z. CELLCERT_ERR_NONE: never.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_nem_timeout(const cellcert_nem *nem,
                             uint64_t *milliseconds);
#endif

/*
 The octets to sign: the CertificationRequestInfo in DER. They are the same until the request is changed.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_pkcs10_to_be_signed(const cellcert_context *context,
                                     const cellcert_request *request,
                                     uint8_t *out,
                                     size_t *len);

/*
 Makes the request from a signature over those octets, made by that algorithm, one of the CELLCERT_SIG_ constants. The signature
 is not verified. Read the request with cellcert_request_octets.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_pkcs10_with_signature(const cellcert_context *context,
                                       const cellcert_request *request,
                                       int32_t signature_algorithm,
                                       const uint8_t *signature,
                                       size_t signature_len);

/*
 Makes the request with a signer at hand. Read it with cellcert_request_octets.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_pkcs10_sign(const cellcert_context *context,
                             const cellcert_request *request,
                             const cellcert_signer *signer);

/*
 Verifies that a CertificationRequest in DER was signed with the key that it asks a certificate for.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_pkcs10_verify(const cellcert_context *context,
                               const uint8_t *request,
                               size_t request_len,
                               cellcert_verified **out);

extern void *cellcert_port_malloc(size_t size);

extern void cellcert_port_free(void *octets);

extern void cellcert_port_panic(const char *file, size_t file_len, uint32_t line);

/*
 Begins a request for a key, a SubjectPublicKeyInfo in DER. It asks for no subject and no extensions yet.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_new(const cellcert_context *context,
                             const uint8_t *public_key,
                             size_t public_key_len,
                             cellcert_request **out);

/*
 Begins a request for a certificate whose key the RA/CA is to generate (RFC 9483 section 4.1.6), for cellcert_crmf_generate_key. Calls that
 need a key return CELLCERT_ERR_STATE.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_new_without_key(const cellcert_context *context,
                                         cellcert_request **out);

/*
 Frees a request and sets the variable to NULL.

 # Safety
 `request` points to a variable with a request, or NULL.
 */
int32_t cellcert_request_free(cellcert_request **request);

/*
 The request's octets, once it is signed: a CertificationRequest or a CertReqMsg in DER. CELLCERT_ERR_STATE before that, and after
 something was changed.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_octets(const cellcert_request *request,
                                uint8_t *out,
                                size_t *len);

/*
 Asks for a subject, a distinguished name in DER (see cellcert_name). PKCS #10 without it asks for the NULL-DN; CRMF without it leaves
 the name to the CA (TS 33.310 section 9.5.4.2), and needs cellcert_request_set_sender or cellcert_request_set_public_key_mac.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_set_subject(const cellcert_context *context,
                                     const cellcert_request *request,
                                     const uint8_t *subject,
                                     size_t subject_len);

/*
 Asks for one more subjectAltName of that kind, one of the CELLCERT_ALTERNATIVE_ constants.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_add_alternative_name(const cellcert_context *context,
                                              const cellcert_request *request,
                                              int32_t kind,
                                              const uint8_t *value,
                                              size_t value_len);

/*
 Asks for an extension: an Extension (RFC 5280 section 4.1) in DER. subjectAltName is cellcert_request_add_alternative_name's.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_add_extension(const cellcert_context *context,
                                       const cellcert_request *request,
                                       const uint8_t *extension,
                                       size_t extension_len);

/*
 PKCS #10: sets challengePassword (RFC 2985 section 5.4.1). It travels in the clear: only inside TLS.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_set_challenge_password(const cellcert_context *context,
                                                const cellcert_request *request,
                                                const char *password);

/*
 PKCS #10: sets unstructuredName (RFC 2985 section 5.4.3).

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_set_unstructured_name(const cellcert_context *context,
                                               const cellcert_request *request,
                                               const char *unstructured_name);

/*
 CRMF: sets certReqId, 0 by default.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_set_cert_req_id(const cellcert_context *context,
                                         const cellcert_request *request,
                                         int64_t cert_req_id);

/*
 CRMF: asks for a validity, in seconds since 1970-01-01T00:00:00Z. 0 leaves a bound to the CA; not both.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_set_validity(const cellcert_context *context,
                                      const cellcert_request *request,
                                      uint64_t not_before,
                                      uint64_t not_after);

/*
 CRMF without subject: binds the proof of possession to the name under which the sender of the message is authenticated, a
 distinguished name in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_set_sender(const cellcert_context *context,
                                    const cellcert_request *request,
                                    const uint8_t *sender,
                                    size_t sender_len);

/*
 CRMF without subject and without such a name: binds the proof of possession to a secret shared with the CA, by a PBMAC1 over the public
 key (RFC 4211 section 4.4).

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_set_public_key_mac(const cellcert_context *context,
                                            const cellcert_request *request,
                                            const char *secret);

/*
 CRMF, for kur: names the certificate that is to be updated (RFC 4211 section 6.5), given in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_set_old_certificate(const cellcert_context *context,
                                             const cellcert_request *request,
                                             const uint8_t *certificate,
                                             size_t certificate_len);

/*
 CRMF: adds regToken (RFC 4211 section 6.1), a secret that is used once.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_add_reg_token(const cellcert_context *context,
                                       const cellcert_request *request,
                                       const char *token);

/*
 CRMF: adds authenticator (RFC 4211 section 6.2), a secret that is used again and again.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_add_authenticator(const cellcert_context *context,
                                           const cellcert_request *request,
                                           const char *secret);

/*
 CRMF: adds a control of any type, an object identifier as "1.3.6.1.5.5.7.5.1.1", with its value in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_add_control(const cellcert_context *context,
                                     const cellcert_request *request,
                                     const char *oid,
                                     const uint8_t *value,
                                     size_t value_len);

/*
 CRMF: adds utf8Pairs to regInfo (RFC 4211 section 7.1), as "name?value%name?value%".

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_request_add_reg_info(const cellcert_context *context,
                                      const cellcert_request *request,
                                      const char *pairs);

/*
 What a code means, in a few words; a text that stands for ever, of any number.
 */
const char *cellcert_error_text(int32_t code);

/*
 Begins the enrolment of a certificate for a request: CELLCERT_IR, CELLCERT_CR, CELLCERT_KUR or CELLCERT_CCR for a CertReqMsg in DER,
 CELLCERT_P10CR for a CertificationRequest in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_enrol(const cellcert_context *context,
                                   int32_t kind,
                                   const uint8_t *request,
                                   size_t request_len,
                                   cellcert_transaction **out);

/*
 Begins the revocation of a certificate, in DER (RFC 9483 section 4.2): sign with its own key, or as an RA. reason: a CRLReason's number
 (RFC 5280 section 5.3.1); 8, removeFromCRL, takes it off hold.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_revoke(const cellcert_context *context,
                                    const uint8_t *certificate,
                                    size_t certificate_len,
                                    int32_t reason,
                                    cellcert_transaction **out);

/*
 Begins a question to the RA/CA (genm, RFC 9483 section 4.3), of a type given as an object identifier, "1.3.6.1.5.5.7.4.17" for caCerts
 for instance. Most questions have no value; of one that has, it is in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_general(const cellcert_context *context,
                                     const char *info_type,
                                     const uint8_t *info_value,
                                     size_t info_value_len,
                                     cellcert_transaction **out);

/*
 Frees a transaction and sets the variable to NULL.

 # Safety
 `transaction` points to a variable with a transaction, or NULL.
 */
int32_t cellcert_transaction_free(cellcert_transaction **transaction);

/*
 Before the start: to whom it goes, a distinguished name in DER. The NULL-DN by default.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_set_recipient(const cellcert_context *context,
                                           const cellcert_transaction *transaction,
                                           const uint8_t *recipient,
                                           size_t recipient_len);

/*
 Before the start: whether to ask that no certConf be awaited, which only an enrolment can; and for which certificate profile (NULL for
 none), which a question for certReqTemplate may name, too.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_set_wishes(const cellcert_context *context,
                                        const cellcert_transaction *transaction,
                                        int32_t implicit_confirm,
                                        const char *cert_profile);

/*
 After CELLCERT_EVENT_WAITING: how many seconds to wait before polling. CELLCERT_ERR_NONE when the RA/CA has not said: poll at once to be
 told.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_check_after(const cellcert_transaction *transaction,
                                         uint64_t *seconds);

/*
 After CELLCERT_EVENT_GRANTED: the certificate in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_certificate(const cellcert_transaction *transaction, uint8_t *out, size_t *len);

/*
 After CELLCERT_EVENT_GRANTED: the certificate in DER at that place, from 0, in extraCerts, where the chain of the certificate is; believed
 in nothing.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_extra_cert(const cellcert_transaction *transaction,
                                        size_t index,
                                        uint8_t *out,
                                        size_t *len);

/*
 After CELLCERT_EVENT_GRANTED: the certificate in DER at that place, from 0, in caPubs; to be installed only by the rules of RFC 9483
 section 4.1.1.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_ca_pub(const cellcert_transaction *transaction,
                                    size_t index,
                                    uint8_t *out,
                                    size_t *len);

/*
 After CELLCERT_EVENT_GRANTED by CELLCERT_QUIRK_ROOT_FROM_EXTRA_CERTS: the root certificate in DER that was taken for the operator's. Keep it:
 it is to be the only anchor from now on. CELLCERT_ERR_NONE when the anchors served.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_first_contact_root(const cellcert_transaction *transaction,
                                                uint8_t *out,
                                                size_t *len);

/*
 After CELLCERT_EVENT_GRANTED: until when certConf is awaited, in seconds since 1970-01-01T00:00:00Z. CELLCERT_ERR_NONE when the RA/CA has not
 said.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_confirm_until(const cellcert_transaction *transaction,
                                           uint64_t *seconds);

/*
 After CELLCERT_EVENT_GRANTED: sets `out` to 1 when no certConf is awaited, because that was asked for and granted, and to 0 otherwise.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_implicitly_confirmed(const cellcert_transaction *transaction,
                                                  int32_t *out);

/*
 After CELLCERT_EVENT_GRANTED and CELLCERT_EVENT_REFUSED: the status, one of the CELLCERT_STATUS_ constants, and why: bit n of `fail_info`
 is bit n of PKIFailureInfo (RFC 9810 section 5.2.3). `fail_info` may be NULL.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_status(const cellcert_transaction *transaction,
                                    int32_t *status,
                                    uint32_t *fail_info);

/*
 What the RA/CA says about the status, for people: UTF-8 without control characters. CELLCERT_ERR_NONE when it says nothing.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_status_text(const cellcert_transaction *transaction,
                                         char *out,
                                         size_t *len);

/*
 After CELLCERT_EVENT_INFORMATION: the type of the item at that place, from 0, an object identifier as "1.3.6.1.5.5.7.4.17".

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_information_type(const cellcert_transaction *transaction,
                                              size_t index,
                                              char *out,
                                              size_t *len);

/*
 After CELLCERT_EVENT_INFORMATION: the value of the item at that place, from 0, in DER. CELLCERT_ERR_NONE when it has none.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_information_value(const cellcert_transaction *transaction,
                                               size_t index,
                                               uint8_t *out,
                                               size_t *len);

/*
 In place of cellcert_transaction_start, with the identity of a KEM key: makes the question for a ciphertext, which is not protected, as
 there is nothing yet to protect it with. Its answer is CELLCERT_EVENT_CIPHERTEXT.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_ask_ciphertext(const cellcert_context *context,
                                            const cellcert_transaction *transaction,
                                            const cellcert_identity *identity);

/*
 After CELLCERT_EVENT_CIPHERTEXT: the ciphertext, for the KEM key to decapsulate.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_ciphertext(const cellcert_transaction *transaction, uint8_t *out, size_t *len);

/*
 After CELLCERT_EVENT_CIPHERTEXT: makes the request, protected with the secret that the KEM key has decapsulated; go on as with any other
 enrolment. The transaction keeps the secret for its later messages, until it is freed; it cannot be stored. A wrong secret shows when
 the RA/CA refuses the request. CELLCERT_ERR_ALGORITHM when the ciphertext is of another mechanism than the key.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_with_secret(const cellcert_context *context,
                                         const cellcert_transaction *transaction,
                                         const cellcert_identity *identity,
                                         const uint8_t *secret,
                                         size_t secret_len);

/*
 Before the start of an enrolment: encapsulates a secret for an RA/CA that owns the KEM key of that certificate, in DER, which `trust` must
 believe. From then on only whoever decapsulates it can answer, by a KEM-based MAC; signatures are not accepted any more. The transaction
 keeps the secret until it is freed; it cannot be stored. CELLCERT_ERR_TRUST when the certificate is not believed, CELLCERT_ERR_KEY when it
 is not one of a KEM key, CELLCERT_ERR_UNSUPPORTED in firmware that is built without `ml-kem`.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_set_answerer(const cellcert_context *context,
                                          const cellcert_transaction *transaction,
                                          const cellcert_trust *trust,
                                          const uint8_t *certificate,
                                          size_t certificate_len);

/*
 Reads an answer that cellcert_transaction_handle does not believe because it is not protected: so an RA/CA that answers by KEM-based MACs
 only refuses what brings no ciphertext for it (RFC 9810 appendix E). Delivers the certificate of its KEM key, in DER, which `trust` believes.
 Nothing else follows from the refusal, and the transaction stays as it is: begin another one, and hand the certificate to
 cellcert_transaction_set_answerer. CELLCERT_ERR_PROTECTION when it is not such a refusal.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_kem_refusal(const cellcert_context *context,
                                         const cellcert_transaction *transaction,
                                         const cellcert_trust *trust,
                                         const uint8_t *answer,
                                         size_t answer_len,
                                         uint8_t *out,
                                         size_t *len);

/*
 An enrolment as octets, to be stored before its message is sent, and taken up again by cellcert_transaction_resume. Nothing in them is
 secret: store a key that the RA/CA generated elsewhere, before certConf is sent. CELLCERT_ERR_STATE before the first message is made, while
 a signature is due, while what came enciphered is not opened (what was stored with the request will do: it brings the same again), when the
 certificate was confirmed implicitly, while the answer to certConf is delayed (what was stored with certConf will do), and when it is over; CELLCERT_ERR_UNSUPPORTED for questions,
 which can simply be asked again, and for enrolments with a KEM key on either side, whose secret is not stored.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_save(const cellcert_transaction *transaction,
                                  uint8_t *out,
                                  size_t *len);

/*
 Takes an enrolment up again where it was stored.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_resume(const cellcert_context *context,
                                    const uint8_t *saved,
                                    size_t saved_len,
                                    cellcert_transaction **out);

/*
 After CELLCERT_EVENT_SEALED: deciphers the certificate with the key that it is for, and goes on as after CELLCERT_EVENT_GRANTED: to confirm it
 proves that the key is there. CELLCERT_ERR_CERTIFICATE when the decipherer is of another key; CELLCERT_ERR_DECIPHER when it cannot be
 deciphered. CELLCERT_ERR_UNSUPPORTED in firmware that is built without `enveloped-data`.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_open_certificate(const cellcert_context *context,
                                              const cellcert_transaction *transaction,
                                              const cellcert_decipherer *decipherer);

/*
 After CELLCERT_EVENT_GRANTED, when the RA/CA was to generate the key: deciphers it, verifies that somebody signed it who has a certificate for
 that (extKeyUsage id-kp-cmKGA) under one of the anchors, and checks that the certificate is for it. Store what
 cellcert_transaction_private_key has before the certificate is confirmed.

 identity: as in cellcert_transaction_start.
 decipherer: of the key of the identity's certificate; with a shared secret it is not looked at.

 CELLCERT_ERR_DECIPHER when it was enciphered for somebody else or changed, CELLCERT_ERR_TRUST when nobody who is believed has signed it,
 CELLCERT_ERR_CERTIFICATE when the certificate is for another key: reject it then. CELLCERT_ERR_UNSUPPORTED in firmware that is built without
 `enveloped-data`.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_open_private_key(const cellcert_context *context,
                                              const cellcert_transaction *transaction,
                                              const cellcert_trust *trust,
                                              const cellcert_identity *identity,
                                              const cellcert_decipherer *decipherer);

/*
 The private key that the RA/CA generated, once it is opened: a PrivateKeyInfo (PKCS #8) in DER, not encrypted: keep it secret, and wipe the
 buffer. The transaction wipes its own when it is freed. CELLCERT_ERR_NONE when there is none.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_private_key(const cellcert_transaction *transaction,
                                         uint8_t *out,
                                         size_t *len);

/*
 Makes the first message.

 signer: the key that belongs to the identity's certificate; NULL to sign it elsewhere. With a shared secret it is not looked at.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_start(const cellcert_context *context,
                                   const cellcert_transaction *transaction,
                                   const cellcert_identity *identity,
                                   const cellcert_signer *signer);

/*
 After CELLCERT_EVENT_WAITING: makes a pollReq.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_poll(const cellcert_context *context,
                                  const cellcert_transaction *transaction,
                                  const cellcert_identity *identity,
                                  const cellcert_signer *signer);

/*
 After CELLCERT_EVENT_GRANTED: takes the certificate, makes a certConf. CELLCERT_ERR_CERTIFICATE when it is for another key: reject it
 then. CELLCERT_ERR_STATE when it is confirmed implicitly, or a key that the RA/CA generated is not opened.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_confirm(const cellcert_context *context,
                                     const cellcert_transaction *transaction,
                                     const cellcert_identity *identity,
                                     const cellcert_signer *signer);

/*
 After CELLCERT_EVENT_GRANTED: does not take the certificate, makes a certConf that says why. The RA/CA revokes it.

 fail_info: the number of a PKIFailureInfo bit (RFC 9810 section 5.2.3), 19 for badCertTemplate for instance.
 reason: for people.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_reject(const cellcert_context *context,
                                    const cellcert_transaction *transaction,
                                    const cellcert_identity *identity,
                                    const cellcert_signer *signer,
                                    uint32_t fail_info,
                                    const char *reason);

/*
 The octets to sign, when a message was made without a signer.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_to_be_signed(const cellcert_transaction *transaction, uint8_t *out, size_t *len);

/*
 Makes the message from the signature over those octets. The signature is not verified.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_with_signature(const cellcert_context *context,
                                            const cellcert_transaction *transaction,
                                            const uint8_t *signature,
                                            size_t signature_len);

/*
 The message to send: a PKIMessage in DER, the same ever after until the next one is made. Send the same again when no answer comes.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_message(const cellcert_transaction *transaction,
                                     uint8_t *out,
                                     size_t *len);

/*
 Takes an answer, a PKIMessage in DER, and sets `event` to one of the CELLCERT_EVENT_ constants. What is not believed changes nothing: the
 true answer may still come. After CELLCERT_ERR_ANSWER the transaction is over: whoever answers is trusted, and does not keep to the
 protocol.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_handle(const cellcert_context *context,
                                    const cellcert_transaction *transaction,
                                    const cellcert_trust *trust,
                                    const uint8_t *answer,
                                    size_t answer_len,
                                    int32_t *event);

/*
 After CELLCERT_EVENT_GRANTED: checks that the certificate is the one that was asked for and of use to a base station (RFC 9483 section
 4.1.1, TS 33.310 section 6.1.3): its key and its names, that it is an end entity's and may sign for IKEv2 or TLS, and that its path leads
 to one of the anchors. CELLCERT_ERR_CERTIFICATE when it is not: reject it then.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_transaction_check_certificate(const cellcert_context *context,
                                               const cellcert_transaction *transaction,
                                               const cellcert_trust *trust);

/*
 Believes in an RA/CA under these anchors, certificates in DER: its messages are signed by an anchor itself, or with a certificate under
 one that has the extKeyUsage id-kp-cmcCA. What it issues must have a path to an anchor.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_trust_new(const cellcert_context *context,
                           const cellcert_octets *anchors,
                           size_t count,
                           cellcert_trust **out);

/*
 Frees it and sets the variable to NULL.

 # Safety
 `trust` points to a variable with a trust, or NULL.
 */
int32_t cellcert_trust_free(cellcert_trust **trust);

/*
 Believes messages that are signed with these very certificates, in DER, too: for an RA/CA whose certificate does not say what it is for.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_trust_add_signers(const cellcert_context *context,
                                   const cellcert_trust *trust,
                                   const cellcert_octets *signers,
                                   size_t count);

/*
 Adds certificates, in DER, that may lie on a path. Nothing is believed because it stands here.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_trust_add_intermediates(const cellcert_context *context,
                                         const cellcert_trust *trust,
                                         const cellcert_octets *intermediates,
                                         size_t count);

/*
 Believes whoever shares a secret, to answer what cellcert_identity_new_secret sent: with the same reference and secret.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_trust_add_secret(const cellcert_context *context,
                                  const cellcert_trust *trust,
                                  const uint8_t *reference,
                                  size_t reference_len,
                                  const char *secret);

/*
 Looks certificates up in these CRLs, in DER, and in none that were set before. With `required` not 0, every certificate below an anchor
 needs a CRL that is not out of date; otherwise those pass of whose issuer there is none. No CRLs at all: nobody asks.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_trust_set_crls(const cellcert_context *context,
                                const cellcert_trust *trust,
                                const cellcert_octets *crls,
                                size_t count,
                                int32_t required);

/*
 How far a message's time may be from now, in seconds, beyond the age of the message that it answers; 300 by default. UINT64_MAX: it is not looked at, for clocks that do not agree.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_trust_set_time_window(const cellcert_context *context,
                                       const cellcert_trust *trust,
                                       uint64_t seconds);

/*
 Whether what real peers get wrong in the syntax is tolerated, where it can be understood nevertheless; 0, no, by default.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_trust_set_lenient(const cellcert_context *context,
                                   const cellcert_trust *trust,
                                   int32_t lenient);

/*
 Puts up with one thing that the RA/CA gets wrong about protection, one of the CELLCERT_QUIRK_ constants. None by default.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_trust_add_quirk(const cellcert_context *context,
                                 const cellcert_trust *trust,
                                 int32_t quirk);

/*
 Frees a verified request and sets the variable to NULL.

 # Safety
 `verified` points to a variable with a verified request, or NULL.
 */
int32_t cellcert_verified_free(cellcert_verified **verified);

/*
 The request, as it was received.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_verified_request(const cellcert_verified *verified, uint8_t *out, size_t *len);

/*
 The subject asked for, a distinguished name in DER; CELLCERT_ERR_NONE when it is left to the CA.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_verified_subject(const cellcert_verified *verified, uint8_t *out, size_t *len);

/*
 The key to be certified, a SubjectPublicKeyInfo in DER.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_verified_public_key(const cellcert_verified *verified, uint8_t *out, size_t *len);

/*
 The extensions asked for, each once: an Extensions (RFC 5280 section 4.1) in DER; CELLCERT_ERR_NONE when there are none.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_verified_extensions(const cellcert_verified *verified,
                                     uint8_t *out,
                                     size_t *len);

/*
 The certReqId of a CRMF request; CELLCERT_ERR_NONE of a PKCS #10 request.

 # Safety
 The pointers are NULL or point to what they say.
 */
int32_t cellcert_verified_cert_req_id(const cellcert_verified *verified, int64_t *out);

/*
 The version of the library that is linked, numbered as CELLCERT_VERSION is.
 */
uint32_t cellcert_version(void);

/*
 The version of the library that is linked, as "MAJOR.MINOR.PATCH"; a text that stands for ever.
 */
const char *cellcert_version_text(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CELLCERT_H */

#ifdef CELLCERT_FIRMWARE
/* The firmware profile of the library is linked with these, which the firmware defines. */

#ifdef __cplusplus
extern "C" {
#endif

/* `size` octets, aligned for any type and at least to two pointers, or NULL. */
void *cellcert_port_malloc(size_t size);

/* Takes back what cellcert_port_malloc gave. */
void cellcert_port_free(void *octets);

/* The library cannot go on: a fault of its own, at that line of that file (without NUL), or the reserve for a call without memory was too
 * small. Must not return. */
void cellcert_port_panic(const char *file, size_t file_len, uint32_t line);

#ifdef __cplusplus
}
#endif
#endif
