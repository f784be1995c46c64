/* SPDX-License-Identifier: BSD-2-Clause */
/* bundle.c — PKCS#12 files to import. */
#include "tools/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

/* The whole file.  It may hold a plain key: the caller frees it with OPENSSL_clear_free. */
static enum err read_file(const char *path, uint8_t **bytes, size_t *n, struct why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    uint8_t *room = NULL;
    struct stat st;
    ssize_t got = 1;
    enum err e = ERR_NONE;

    *n = 0;
    if (fd < 0)
        return why_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0)
        e = why_set(why, ERR_STORE, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        e = why_set(why, ERR_DATA, "%s: it is a directory, not a PKCS#12 file", path);
    else if (st.st_size > P12_SIZE_MAX)
        e = why_set(why, ERR_FULL, "%s: the file is larger than %d MiB", path, P12_SIZE_MAX >> 20);
    else if ((room = OPENSSL_malloc(P12_SIZE_MAX + 1)) == NULL)
        e = ERR_MEMORY;
    while (e == ERR_NONE && got > 0) { /* a pipe has no size: read one byte more than is allowed */
        got = read(fd, room + *n, P12_SIZE_MAX + 1 - *n);
        if (got < 0 && errno != EINTR)
            e = why_set(why, ERR_STORE, "%s: %s", path, strerror(errno));
        else if (got < 0)
            got = 1;
        else
            *n += (size_t)got;
        if (*n > P12_SIZE_MAX)
            e = why_set(why, ERR_FULL, "%s: the file is larger than %d MiB", path, P12_SIZE_MAX >> 20);
    }
    close(fd);
    if (e == ERR_NONE)
        *bytes = room;
    else
        OPENSSL_clear_free(room, *n);
    return e;
}

enum err bundle_read(struct bundles *bundles, OSSL_LIB_CTX *lib, const char *path, const struct secret *password,
                     unsigned long iterations, struct why *why)
{
    struct why inner = { "" };
    struct p12 *p12 = NULL;
    uint8_t *bytes = NULL;
    size_t n = 0;
    enum err e;

    if (bundles->n == BUNDLES_MAX)
        return why_set(why, ERR_FULL, "more than %d files at once", BUNDLES_MAX);
    e = read_file(path, &bytes, &n, why);
    if (e != ERR_NONE)
        return e;
    e = p12_read(lib, in_of(bytes, n), password, iterations, &p12, &inner);
    OPENSSL_clear_free(bytes, n);
    if (e != ERR_NONE)
        return why_set(why, e, "%s: %s", path, inner.text[0] != '\0' ? inner.text : err_sentence(e));
    bundles->of[bundles->n++] = (struct bundle){ path, p12 };
    return ERR_NONE;
}

/* Nobody is asked for a password here: a certificate has none. */
static int no_password(char *buffer, int size, int writing, void *ctx)
{
    (void)buffer, (void)size, (void)writing, (void)ctx;
    return -1;
}

static enum err add_one(struct bundle *bundle, X509 *cert)
{
    return cert == NULL ? ERR_DATA : p12_add_cert(bundle->p12, cert, NULL);
}

static enum err add_all(struct bundle *bundle, OSSL_LIB_CTX *lib, const uint8_t *bytes, size_t n, size_t *added)
{
    BIO *in = BIO_new_mem_buf(bytes, (int)n);
    const uint8_t *at = bytes;
    X509 *cert = X509_new_ex(lib, NULL);
    enum err e = in == NULL || cert == NULL ? ERR_MEMORY : ERR_NONE;

    *added = 0;
    if (e == ERR_NONE && d2i_X509(&cert, &at, (long)n) != NULL) {
        e = add_one(bundle, cert);
        *added = 1;
        X509_free(cert);
        cert = NULL;
    }
    if (cert == NULL && *added == 0) /* d2i_X509 frees what it could not fill */
        cert = X509_new_ex(lib, NULL);
    while (e == ERR_NONE && *added < P12_BAGS_MAX && cert != NULL &&
           PEM_read_bio_X509(in, &cert, no_password, NULL) != NULL) {
        e = add_one(bundle, cert);
        ++*added;
        X509_free(cert);
        cert = X509_new_ex(lib, NULL);
    }
    X509_free(cert);
    BIO_free(in);
    ERR_clear_error();
    return e;
}

enum err bundle_add_certs(struct bundle *bundle, OSSL_LIB_CTX *lib, const char *path, struct why *why)
{
    uint8_t *bytes = NULL;
    size_t n = 0, added = 0;
    enum err e = read_file(path, &bytes, &n, why);

    if (e != ERR_NONE)
        return e;
    e = add_all(bundle, lib, bytes, n, &added);
    OPENSSL_clear_free(bytes, n);
    if (e == ERR_NONE && added == 0)
        e = why_set(why, ERR_DATA, "%s: there is no certificate in it, neither in PEM nor in DER", path);
    return e == ERR_NONE ? p12_pair(bundle->p12) : e;
}

static enum err no_key(const struct bundle *b, struct why *why)
{
    const struct p12 *p = b->p12;

    if (p->n_certs > 0)
        return why_set(why, ERR_NOT_FOUND, "%s: no private key in it, only %zu certificate%s: export the certificate "
                       "together with its key", b->path, p->n_certs, p->n_certs == 1 ? "" : "s");
    if (p->secrets > 0)
        return why_set(why, ERR_NOT_FOUND, "%s: no private key in it, only %zu secret%s of another kind", b->path,
                       p->secrets, p->secrets == 1 ? "" : "s");
    return why_set(why, ERR_NOT_FOUND, "%s: no private key in it, and no certificate: the bundle is empty", b->path);
}

static enum err no_cert(const struct bundle *b, const struct p12_key *key, struct why *why)
{
    const struct p12 *p = b->p12;

    if (p->n_certs == 0)
        return why_set(why, ERR_NOT_FOUND, "%s: its key (%s) comes without a certificate, and no program would see it "
                       "on a card: give the certificate with --cert FILE", b->path, key->kind);
    if (p->n_certs == 1 && p->n_keys == 1)
        return why_set(why, ERR_MISMATCH, "%s: its key and its certificate do not belong together: the certificate was "
                       "made for another key", b->path);
    return why_set(why, ERR_MISMATCH, "%s: none of its %zu certificates was made for its key %s%s%s: give the "
                   "right one with --cert FILE", b->path, p->n_certs, key->kind, key->name == NULL ? "" : ", ",
                   key->name == NULL ? "" : key->name);
}

enum err bundle_check(const struct bundle *bundle, struct why *why)
{
    const struct p12 *p = bundle->p12;

    if (p->n_keys == 0)
        return no_key(bundle, why);
    for (size_t i = 0; i < p->n_keys; i++)
        if (p->keys[i].alg == NULL)
            return why_set(why, ERR_UNSUPPORTED, "%s: a PIV card has no place for its key: %s (it takes RSA 1024, "
                           "2048, 3072 and 4096, EC P-256 and P-384, Ed25519 and X25519)", bundle->path,
                           p->keys[i].kind);
    for (size_t i = 0; i < p->n_keys; i++)
        if (p->keys[i].cert == P12_NONE)
            return no_cert(bundle, &p->keys[i], why);
    return ERR_NONE;
}

void bundles_clear(struct bundles *bundles)
{
    for (size_t i = 0; i < bundles->n; i++)
        p12_free(bundles->of[i].p12);
    bundles->n = 0;
}
