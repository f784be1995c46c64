/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_vpcd.c — a card for Debian's virtual reader (vsmartcard-vpcd): `bench_vpcd PORT`
 *
 * It does what the floor driver does, so what the reader itself costs is all there is to see.  (Debian 12's own card,
 * vicc, is Python and does not start there: its package lacks modules.)  Each message has its length before it, two
 * bytes; a single byte is an order to the card's power, everything else an APDU. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/ifdnull.h"

enum { ORDER_ATR = 4, MESSAGE_MAX = 65535 };

static const unsigned char atr[] = { 0x3B, 0x80, 0x81, 0x31, 0xFE, 0x45, 0x8A };

static bool read_all(int fd, unsigned char *p, size_t n)
{
    const int yes = 1;

    for (ssize_t m; n > 0; p += m, n -= (size_t)m) {
        /* The reader sends length and body apart, and waits with the second for the receipt of the first: without
         * this each APDU takes 44 ms. */
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
        if ((m = read(fd, p, n)) <= 0)
            return false;
    }
    return true;
}

static bool answer(int fd, unsigned char *message, size_t n)
{
    message[0] = (unsigned char)(n >> 8);
    message[1] = (unsigned char)n;
    return write(fd, message, n + 2) == (ssize_t)(n + 2);
}

static void serve(int fd)
{
    static unsigned char in[MESSAGE_MAX], out[2 + MESSAGE_MAX];
    unsigned char head[2];

    while (read_all(fd, head, 2)) {
        size_t n = (size_t)head[0] << 8 | head[1];
        if (!read_all(fd, in, n))
            return;
        if (n == 1 && in[0] == ORDER_ATR) {
            memcpy(out + 2, atr, sizeof atr);
            if (!answer(fd, out, sizeof atr))
                return;
        } else if (n > 1 && !answer(fd, out, bench_answer(0, in, n, out + 2))) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    to.sin_port = htons(argc == 2 ? (unsigned short)strtoul(argv[1], NULL, 10) : 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("bench_vpcd");
        return 1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    serve(fd);
    return 0;
}
