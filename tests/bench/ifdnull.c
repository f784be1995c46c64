/* SPDX-License-Identifier: BSD-2-Clause */
/* ifdnull.c — a driver that answers 9000 to everything at once: what pcscd itself costs.  ifdfloor.c adds
 * a key. */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ifdhandler.h>

#include "tests/bench/ifdnull.h"

#define EXPORT __attribute__((visibility("default")))

/* T=1, as our cards have it. */
static const UCHAR null_atr[] = { 0x3B, 0x80, 0x81, 0x31, 0xFE, 0x45, 0x8A };

static int wake[NULL_READERS];

__attribute__((weak)) size_t bench_answer(size_t reader, const unsigned char *command, size_t n,
                                          unsigned char *answer)
{
    (void)reader, (void)command, (void)n;
    answer[0] = 0x90;
    answer[1] = 0x00;
    return 2;
}

EXPORT RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
    (void)DeviceName;
    if (Lun >> 16 >= NULL_READERS)
        return IFD_COMMUNICATION_ERROR;
    wake[Lun >> 16] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
    (void)Channel;
    return IFDHCreateChannelByName(Lun, NULL);
}

EXPORT RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
    close(wake[Lun >> 16]);
    return IFD_SUCCESS;
}

/* Present all the time: it waits for the stop, like a reader whose card nobody touches. */
static RESPONSECODE null_poll(DWORD lun, int ms)
{
    struct pollfd fd = { .fd = wake[lun >> 16], .events = POLLIN };
    eventfd_t count;

    if (poll(&fd, 1, ms) > 0)
        (void)eventfd_read(fd.fd, &count);
    return IFD_SUCCESS;
}

static RESPONSECODE null_stop(DWORD lun)
{
    (void)eventfd_write(wake[lun >> 16], 1);
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
    RESPONSECODE (*const poll_function)(DWORD, int) = null_poll;
    RESPONSECODE (*const stop_function)(DWORD) = null_stop;
    static const UCHAR one = 1, many = NULL_READERS;
    const struct {
        DWORD tag;
        const void *value;
        DWORD n;
    } tags[] = {
        { TAG_IFD_SIMULTANEOUS_ACCESS, &many, 1 },
        { TAG_IFD_THREAD_SAFE, &one, 1 },
        { TAG_IFD_SLOT_THREAD_SAFE, &one, 1 },
        { TAG_IFD_SLOTS_NUMBER, &one, 1 },
        { TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &poll_function, sizeof poll_function },
        { TAG_IFD_STOP_POLLING_THREAD, &stop_function, sizeof stop_function },
    };

    (void)Lun;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (tags[i].tag == Tag && *Length >= tags[i].n) {
            memcpy(Value, tags[i].value, tags[i].n);
            *Length = tags[i].n;
            return IFD_SUCCESS;
        }
    }
    return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
    (void)Lun, (void)Tag, (void)Length, (void)Value;
    return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2,
                                              UCHAR PTS3)
{
    (void)Lun, (void)Protocol, (void)Flags, (void)PTS1, (void)PTS2, (void)PTS3;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
    (void)Lun;
    *AtrLength = 0;
    if (Action != IFD_POWER_DOWN) {
        memcpy(Atr, null_atr, sizeof null_atr);
        *AtrLength = sizeof null_atr;
    }
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength,
                                      PUCHAR RxBuffer, PDWORD RxLength, PSCARD_IO_HEADER RecvPci)
{
    RecvPci->Protocol = SendPci.Protocol;
    *RxLength = bench_answer(Lun >> 16, TxBuffer, TxLength, RxBuffer);
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHICCPresence(DWORD Lun)
{
    (void)Lun;
    return IFD_ICC_PRESENT;
}

EXPORT RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength,
                                PUCHAR RxBuffer, DWORD RxLength, LPDWORD pdwBytesReturned)
{
    (void)Lun, (void)dwControlCode, (void)TxBuffer, (void)TxLength, (void)RxBuffer, (void)RxLength;
    *pdwBytesReturned = 0;
    return IFD_NOT_SUPPORTED;
}
