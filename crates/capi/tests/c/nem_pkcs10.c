/* A NEM whose requests are carried as PKCS #10 to a CA that knows no CMP, and the certificates back, by another run of the program.
 *
 * usage: nem_pkcs10 export|import NEM_CERTIFICATE NEM_KEY ROOT VENDOR_ROOT VENDOR_CERTIFICATE PKCS10 STATION LEDGER FILE...
 *
 * export: the request goes into the only FILE. import: the FILEs are the certificate, somebody else's, and that of the CA. */
#include "cellcert.h"
#include "try.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(condition) MUST(1, (condition) ? 1 : 0)

static struct file certificate, key, root, vendor_root, vendor, request, issued, others, ca;
static cellcert_context *context;
static cellcert_nem *nem;
static const char *station_name;
static uint8_t buffer[16384];
static size_t len;

static cellcert_octets octets_of(const struct file *file)
{
    cellcert_octets octets = {NULL, 0};
    octets.data = file->octets;
    octets.len = file->len;
    return octets;
}

static void name_of(const char *organization, uint8_t *out, size_t *out_len)
{
    cellcert_name_part part[2];
    part[0].attribute = CELLCERT_NAME_ORGANIZATION;
    part[0].value = organization;
    part[1].attribute = CELLCERT_NAME_COMMON_NAME;
    part[1].value = station_name;
    MUST(CELLCERT_OK, cellcert_name(context, part, 2, out, out_len));
}

static void open_nem(const cellcert_identity *identity, const cellcert_signer *signer, const cellcert_trust *trust,
                     const char *ledger)
{
    uint8_t subject[256], vendor_subject[256];
    size_t subject_len = sizeof subject, vendor_len = sizeof vendor_subject;
    cellcert_octets anchor = octets_of(&root), vendor_anchor = octets_of(&vendor_root);
    cellcert_upstream upstream;
    cellcert_station station;
    cellcert_nem_config config;
    memset(&upstream, 0, sizeof upstream);
    memset(&station, 0, sizeof station);
    memset(&config, 0, sizeof config);
    name_of("Operator", subject, &subject_len);
    name_of("Vendor", vendor_subject, &vendor_len);
    upstream.name = "ca";
    upstream.identity = identity;
    upstream.signer = signer;
    upstream.trust = trust;
    station.name = station_name;
    station.subject.data = subject;
    station.subject.len = subject_len;
    station.vendor_subject.data = vendor_subject;
    station.vendor_subject.len = vendor_len;
    config.upstreams = &upstream;
    config.upstream_count = 1;
    config.stations = &station;
    config.station_count = 1;
    config.vendor_anchors = &vendor_anchor;
    config.vendor_anchor_count = 1;
    config.operator_anchors = &anchor;
    config.operator_anchor_count = 1;
    config.ledger_file = ledger;
    MUST(CELLCERT_OK, cellcert_nem_new(context, &config, &nem));
}

static void carry_out(const char *file)
{
    cellcert_octets shown_certificate = octets_of(&vendor);
    cellcert_shown shown;
    cellcert_export_order order;
    uint8_t id[16], exported[16], other[16];
    FILE *stream;
    memset(&shown, 0, sizeof shown);
    memset(&order, 0, sizeof order);
    shown.certificates = &shown_certificate;
    shown.certificate_count = 1;
    order.form = 2;
    MUST(CELLCERT_ERR_ARGUMENT, cellcert_nem_export(context, nem, &order, "requests", exported));
    order.form = CELLCERT_EXPORT_PKCS10;
    MUST(CELLCERT_ERR_NONE, cellcert_nem_export(context, nem, &order, "requests", exported));
    MUST(CELLCERT_OK, cellcert_nem_upload(context, nem, &shown, CELLCERT_UPLOAD_PKCS10, request.octets, request.len, "by-hand",
                                          id, NULL));
    MUST(CELLCERT_OK, cellcert_nem_export(context, nem, &order, "requests", exported));
    len = 1;
    MUST(CELLCERT_ERR_BUFFER, cellcert_nem_export_request(nem, 0, other, buffer, &len));
    HOLDS(len == request.len);
    len = sizeof buffer;
    MUST(CELLCERT_OK, cellcert_nem_export_request(nem, 0, other, buffer, &len));
    /* Bit by bit what the station sent. */
    HOLDS(memcmp(other, id, sizeof id) == 0 && len == request.len && memcmp(buffer, request.octets, len) == 0);
    stream = fopen(file, "wb");
    HOLDS(stream != NULL && fwrite(buffer, 1, len, stream) == len && fclose(stream) == 0);
    len = sizeof buffer;
    MUST(CELLCERT_ERR_NONE, cellcert_nem_export_request(nem, 1, other, buffer, &len));
    MUST(CELLCERT_OK, cellcert_nem_export_station(nem, 0, (char *)buffer, &len));
    HOLDS(strcmp((const char *)buffer, station_name) == 0);
    MUST(CELLCERT_OK, cellcert_nem_export_written(context, nem));
}

static int32_t take(const cellcert_octets *certificates, size_t count, const uint8_t *due)
{
    uint8_t id[16];
    int32_t verdict = -1;
    size_t verdicts = 77;
    MUST(CELLCERT_OK, cellcert_nem_import_certificates(context, nem, certificates, count, &verdicts));
    HOLDS(verdicts == 1);
    MUST(CELLCERT_OK, cellcert_nem_verdict(nem, 0, id, &verdict));
    HOLDS(due == NULL || memcmp(id, due, sizeof id) == 0);
    MUST(CELLCERT_ERR_NONE, cellcert_nem_verdict(nem, 1, id, &verdict));
    return verdict;
}

static void carry_back(void)
{
    uint8_t id[16];
    int32_t standing = -1, verdict;
    size_t count = 77;
    cellcert_octets certificates[2], missing = {NULL, 5}, none = {NULL, 0};
    MUST(CELLCERT_OK, cellcert_nem_request_of(nem, station_name, "by-hand", id));
    MUST(CELLCERT_OK, cellcert_nem_standing(nem, id, &standing));
    HOLDS(standing == CELLCERT_STANDING_UNDER_WAY);
    MUST(CELLCERT_ERR_NULL, cellcert_nem_import_certificates(context, nem, &missing, 1, &count));
    MUST(CELLCERT_ERR_NULL, cellcert_nem_import_certificates(context, nem, NULL, 1, &count));
    MUST(1, cellcert_nem_import_certificates(context, nem, &none, 1, &count) != CELLCERT_OK);
    MUST(CELLCERT_OK, cellcert_nem_import_certificates(context, nem, NULL, 0, &count));
    HOLDS(count == 0);
    certificates[0] = octets_of(&others);
    verdict = take(certificates, 1, NULL);
    HOLDS(verdict == CELLCERT_VERDICT_REFUSED || verdict == CELLCERT_VERDICT_TURNED_DOWN);
    MUST(CELLCERT_OK, cellcert_nem_standing(nem, id, &standing));
    HOLDS(standing == CELLCERT_STANDING_UNDER_WAY);

    certificates[0] = octets_of(&ca);
    certificates[1] = octets_of(&issued);
    HOLDS(take(certificates, 2, id) == CELLCERT_VERDICT_ISSUED);
    len = sizeof buffer;
    MUST(CELLCERT_OK, cellcert_nem_verdict_station(nem, 0, (char *)buffer, &len));
    HOLDS(strcmp((const char *)buffer, station_name) == 0);
    MUST(CELLCERT_OK, cellcert_nem_standing(nem, id, &standing));
    HOLDS(standing == CELLCERT_STANDING_ISSUED);
    len = sizeof buffer;
    MUST(CELLCERT_OK, cellcert_nem_certificate(nem, id, buffer, &len));
    HOLDS(len == issued.len && memcmp(buffer, issued.octets, len) == 0);
    len = sizeof buffer;
    MUST(CELLCERT_OK, cellcert_nem_chain(nem, id, 0, buffer, &len));
    HOLDS(len == ca.len && memcmp(buffer, ca.octets, len) == 0);
    HOLDS(take(certificates, 2, id) == CELLCERT_VERDICT_BEFORE);
}

int main(int argc, char **argv)
{
    cellcert_key *own = NULL;
    cellcert_signer signer;
    cellcert_identity *identity = NULL;
    cellcert_trust *trust = NULL;
    cellcert_octets anchor;
    if (argc < 11 || read_file(argv[2], &certificate) != 0 || read_file(argv[3], &key) != 0 ||
        read_file(argv[4], &root) != 0 || read_file(argv[5], &vendor_root) != 0 || read_file(argv[6], &vendor) != 0 ||
        read_file(argv[7], &request) != 0) {
        (void)fprintf(stderr, "usage: nem_pkcs10 export|import CERTIFICATE KEY ROOT VENDOR_ROOT VENDOR_CERTIFICATE PKCS10 "
                              "STATION LEDGER FILE...\n");
        return 2;
    }
    station_name = argv[8];
    anchor = octets_of(&root);
    MUST(CELLCERT_OK, cellcert_context_new(NULL, NULL, NULL, &context));
    MUST(CELLCERT_OK, cellcert_key_from_pkcs8(context, key.octets, key.len, &own));
    MUST(CELLCERT_OK, cellcert_key_signer(own, &signer));
    MUST(CELLCERT_OK, cellcert_identity_new(context, certificate.octets, certificate.len, NULL, 0, signer.algorithm, &identity));
    MUST(CELLCERT_OK, cellcert_trust_new(context, &anchor, 1, &trust));
    open_nem(identity, &signer, trust, argv[9]);
    if (strcmp(argv[1], "export") == 0) {
        carry_out(argv[10]);
    } else if (argc == 13 && read_file(argv[10], &issued) == 0 && read_file(argv[11], &others) == 0 &&
               read_file(argv[12], &ca) == 0) {
        carry_back();
    } else {
        return 2;
    }
    MUST(CELLCERT_OK, cellcert_nem_free(&nem));
    MUST(CELLCERT_OK, cellcert_trust_free(&trust));
    MUST(CELLCERT_OK, cellcert_identity_free(&identity));
    MUST(CELLCERT_OK, cellcert_key_free(&own));
    MUST(CELLCERT_OK, cellcert_context_free(&context));
    (void)printf("done\n");
    return 0;
}
