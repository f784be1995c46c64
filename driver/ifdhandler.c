/* SPDX-License-Identifier: BSD-2-Clause */
/* ifdhandler.c — all that pcscd calls (IFD handler 3.0): Lun to reader, checks, errors to its codes.
 *
 * pcscd serialises the calls of one reader, all but the event and stop functions and CloseChannel, which
 * may come while another call is stuck; so every call holds a count, and the last to leave a closed reader
 * frees it.
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ifdhandler.h>

#include <openssl/crypto.h>

#include "conf/settings.h"
#include "driver/attribute.h"
#include "driver/control.h"
#include "driver/log.h"
#include "driver/vault.h"

#define EXPORT __attribute__((visibility("default")))

enum { READERS_MAX = 256, SLOTS_MAX = SETTINGS_SLOTS_MAX };

/* The only mutable state of the driver that is not in a reader. */
static struct entry {
    atomic_uint users;
    _Atomic(struct reader *) reader;  /* NULL = free */
    _Atomic(struct reader *) retired; /* closed; the last user frees it */
    bool in_chain;                    /* the command before was a block: what it carried is used by the next */
} table[READERS_MAX][SLOTS_MAX];

static struct {
    pthread_mutex_t lock; /* for opening and closing alone */
    bool started;
    OSSL_LIB_CTX *lib;
} process = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* entry_of — pcscd numbers readers in the upper half and their slots in the lower.  A slot is a reader of its own here:
 * a directory, a card, settings. */
static struct entry *entry_of(DWORD lun)
{
    return (lun >> 16) < READERS_MAX && (lun & 0xFFFF) < SLOTS_MAX ? &table[lun >> 16][lun & 0xFFFF] : NULL;
}

static void leave(struct entry *e)
{
    if (atomic_fetch_sub(&e->users, 1) == 1)
        reader_free(atomic_exchange(&e->retired, NULL));
}

/* enter — the reader behind lun, to be left again; or NULL. */
static struct reader *enter(DWORD lun, struct entry **entry)
{
    *entry = entry_of(lun);
    if (*entry == NULL)
        return NULL;
    atomic_fetch_add(&(*entry)->users, 1);
    struct reader *r = atomic_load(&(*entry)->reader);
    if (r == NULL)
        leave(*entry);
    return r;
}

/* The other bridge of enum err: to pcscd's numbers.  What is not here is a failure to communicate.
 * Never IFD_NO_SUCH_DEVICE: pcscd would sleep for a second and signal whatever is in its pid file. */
static const RESPONSECODE ifd_codes[ERR_COUNT] = {
    [ERR_NONE] = IFD_SUCCESS,
    [ERR_ABSENT] = IFD_ICC_NOT_PRESENT,
    [ERR_FULL] = IFD_ERROR_INSUFFICIENT_BUFFER,
};

static RESPONSECODE ifd_of(enum err e)
{
    return e == ERR_NONE || ifd_codes[e] != 0 ? ifd_codes[e] : IFD_COMMUNICATION_ERROR;
}

/* start — the process's vault and library context, with the first reader.
 *
 * One context for all readers, and it is never freed: OpenSSL (3.0 seen) gives each client thread random
 * generators that belong to it, and looks into it when such a thread ends, which may be after the last
 * CloseChannel. */
static void start(void)
{
    if (process.started)
        return;
    process.started = true;
    (void)vault_open();
    process.lib = OSSL_LIB_CTX_new();
}

/* slot_directory — a reader of n slots takes n directories in a row: PATH/0, PATH/1 and so on.  pcscd hands the first
 * one's name to each. */
static void slot_directory(char directory[PATH_MAX], unsigned slot)
{
    size_t n = strlen(directory);

    if (slot == 0)
        return;
    while (n > 0 && directory[n - 1] >= '0' && directory[n - 1] <= '9')
        n--;
    unsigned long first = strtoul(directory + n, NULL, 10);
    snprintf(directory + n, PATH_MAX - n, "%lu", first + slot);
}

static RESPONSECODE open_reader(DWORD lun, char directory[PATH_MAX])
{
    struct entry *e = entry_of(lun);
    RESPONSECODE rc = IFD_COMMUNICATION_ERROR;

    slot_directory(directory, (unsigned)(lun & 0xFFFF));
    pthread_mutex_lock(&process.lock);
    if (e != NULL && atomic_load(&e->reader) == NULL && atomic_load(&e->retired) == NULL) {
        start();
        /* Whatever the directory holds, the reader is there: pcscd never tries a failed one again. */
        struct reader *r = reader_new(directory, process.lib);
        atomic_store(&e->reader, r);
        if (r != NULL)
            rc = IFD_SUCCESS;
    }
    pthread_mutex_unlock(&process.lock);
    return rc;
}

EXPORT RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
    char directory[PATH_MAX];

    if (DeviceName == NULL)
        return IFD_COMMUNICATION_ERROR;
    /* The name ends in a colon, or pcscd would want the directory to exist; and pcscd leaves quotes where
     * they are. */
    snprintf(directory, sizeof directory, "%s", DeviceName + (DeviceName[0] == '"' ? 1 : 0));
    char *end = strrchr(directory, ':');
    if (end == NULL && DeviceName[0] == '"')
        end = strrchr(directory, '"');
    if (end != NULL)
        *end = '\0';
    return open_reader(Lun, directory);
}

EXPORT RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
    char directory[PATH_MAX];

    snprintf(directory, sizeof directory, VPIV_STATEDIR "/readers/%lu", (unsigned long)Channel);
    return open_reader(Lun, directory);
}

EXPORT RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
    struct entry *e;
    struct reader *r = enter(Lun, &e);

    if (r == NULL)
        return IFD_COMMUNICATION_ERROR;
    pthread_mutex_lock(&process.lock);
    if (atomic_compare_exchange_strong(&e->reader, &r, NULL)) {
        reader_close(r);
        atomic_store(&e->retired, r);
    }
    pthread_mutex_unlock(&process.lock);
    leave(e);
    return IFD_SUCCESS;
}

/* ifd_poll — the event function.  Success whatever happened: anything else makes pcscd sleep for 400 ms. */
RESPONSECODE ifd_poll(DWORD lun, int ms)
{
    struct entry *e;
    struct reader *r = enter(lun, &e);

    if (r != NULL) {
        reader_poll(r, ms);
        leave(e);
    }
    return IFD_SUCCESS;
}

RESPONSECODE ifd_stop(DWORD lun)
{
    struct entry *e;
    struct reader *r = enter(lun, &e);

    if (r != NULL) {
        reader_stop(r);
        leave(e);
    }
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHICCPresence(DWORD Lun)
{
    struct entry *e;
    struct reader *r = enter(Lun, &e);

    if (r == NULL)
        return IFD_ICC_NOT_PRESENT;
    RESPONSECODE rc = reader_present(r) ? IFD_ICC_PRESENT : IFD_ICC_NOT_PRESENT;
    leave(e);
    return rc;
}

EXPORT RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
    struct entry *e;
    struct reader *r = enter(Lun, &e);
    RESPONSECODE rc = IFD_ERROR_POWER_ACTION;
    struct out atr = out_of(Atr, MAX_ATR_SIZE);

    if (r != NULL) {
        if (Action == IFD_POWER_DOWN) {
            reader_unpower(r);
            rc = IFD_SUCCESS;
        } else if (Action != IFD_POWER_UP && Action != IFD_RESET) {
            rc = IFD_NOT_SUPPORTED;
        } else if (Atr != NULL && reader_power(r, &atr) == ERR_NONE) {
            rc = IFD_SUCCESS;
        }
        leave(e);
    }
    if (AtrLength != NULL)
        *AtrLength = rc == IFD_SUCCESS ? atr.n : 0;
    return rc;
}

/* Nothing to negotiate: both protocols carry whole APDUs here. */
EXPORT RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2,
                                              UCHAR PTS3)
{
    struct entry *e;
    struct reader *r = enter(Lun, &e);

    (void)Flags, (void)PTS1, (void)PTS2, (void)PTS3;
    if (r == NULL)
        return IFD_COMMUNICATION_ERROR;
    leave(e);
    return Protocol == 1 || Protocol == 2 ? IFD_SUCCESS : IFD_PROTOCOL_NOT_SUPPORTED;
}

EXPORT RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength,
                                      PUCHAR RxBuffer, PDWORD RxLength, PSCARD_IO_HEADER RecvPci)
{
    struct entry *entry;
    struct reader *r = enter(Lun, &entry);
    enum err e = ERR_DATA;

    if (r != NULL) {
        if (RxBuffer != NULL && RxLength != NULL && *RxLength >= 2 && TxBuffer != NULL) {
            struct out rsp = out_of(RxBuffer, *RxLength);
            e = reader_exchange(r, in_of(TxBuffer, TxLength), &rsp);
            *RxLength = e == ERR_NONE ? rsp.n : 0;
            vault_forget(TxBuffer, TxLength, &entry->in_chain);
        } else if (RxLength != NULL) {
            *RxLength = 0;
        }
        leave(entry);
    } else if (RxLength != NULL) {
        *RxLength = 0;
    }
    if (RecvPci != NULL)
        RecvPci->Protocol = SendPci.Protocol;
    return ifd_of(e);
}

EXPORT RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
    struct entry *entry;
    struct reader *r = enter(Lun, &entry);

    if (r == NULL)
        return IFD_COMMUNICATION_ERROR;
    RESPONSECODE rc = IFD_ERROR_TAG;
    if (Length != NULL && Value != NULL) {
        struct out out = out_of(Value, *Length);
        enum err e = attribute_get(r, Tag, &out);
        rc = e == ERR_NOT_FOUND ? IFD_ERROR_TAG : ifd_of(e);
        if (e == ERR_NONE)
            *Length = out.n; /* else it stays: pcscd goes on with it, for the names that it answers itself */
    }
    leave(entry);
    return rc;
}

/* Nothing of ours is for clients to set. */
EXPORT RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
    (void)Lun, (void)Tag, (void)Length, (void)Value;
    return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength,
                                PUCHAR RxBuffer, DWORD RxLength, LPDWORD pdwBytesReturned)
{
    struct entry *entry;
    struct reader *r = enter(Lun, &entry);
    struct out out = out_of(RxBuffer, RxBuffer != NULL ? RxLength : 0);

    if (r == NULL)
        return IFD_COMMUNICATION_ERROR;
    enum err e = control_run(r, dwControlCode, in_of(TxBuffer, TxBuffer != NULL ? TxLength : 0), &out);
    if (TxBuffer != NULL) /* a client may have sent the old PIN along, and have the keypad ask for the new one alone */
        OPENSSL_cleanse(TxBuffer, TxLength);
    if (pdwBytesReturned != NULL)
        *pdwBytesReturned = e == ERR_NONE ? out.n : 0;
    leave(entry);
    return e == ERR_NOT_FOUND ? IFD_ERROR_NOT_SUPPORTED : ifd_of(e);
}

/* SIGTERM ends pcscd by exit(), beside running calls and without closing a reader: secrets go, nothing is
 * freed, and nobody is waited for.  (OpenSSL was told not to clean up at exit; where another library has
 * brought it to, its functions must not be touched any more, and it says so.) */
__attribute__((destructor)) static void at_exit(void)
{
    if (!process.started || OPENSSL_init_crypto(0, NULL) != 1)
        return;
    for (size_t i = 0; i < (size_t)READERS_MAX * SLOTS_MAX; i++) {
        struct entry *e;
        struct reader *r = enter((DWORD)(i / SLOTS_MAX) << 16 | (DWORD)(i % SLOTS_MAX), &e);
        if (r != NULL)
            reader_abandon(r); /* never left: it must not be freed now */
    }
}
