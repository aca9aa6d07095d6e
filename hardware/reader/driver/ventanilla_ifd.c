/* A reader for pcscd that is a socket: whoever connects to it is a card in its field.
 *
 * SPDX-License-Identifier: EUPL-1.2
 *
 * pcscd loads this file as an IFD handler. A line of its configuration makes a reader:
 *
 *     FRIENDLYNAME "Ventanilla"
 *     DEVICENAME   socket:/run/somewhere/reader.sock     the socket that is made here
 *     LIBPATH      .../ventanilla_ifd.so
 *
 * `socket:/run/somewhere/reader.sock@800` waits 800 ms for an answer; without it ANSWER_MS.
 *
 * A message is its length (two bytes, big-endian) and its bytes; the reader speaks, the card answers. One byte
 * alone is for the field: 0 off, 1 on, 2 reset (no answer), 4 asks for the answer to reset. This is the wire of
 * vsmartcard (virtualsmartcard/doc/api.txt), turned round: here the card comes to the reader.
 *
 * Rules:
 * - The socket is a file that the user of pcscd alone may open (0600). No port, no network.
 * - Whatever a card says is data. A message that is too long, too short, late, or that nobody asked for ends the
 *   presentation: the connection is closed, the card has left. So an answer never stands for another command.
 * - Nothing waits for ever: an answer has ANSWER_MS in all, however slowly its bytes drip.
 * - One card at a time. Who comes second is sent away.
 *
 * Threads: pcscd calls `watch` from a thread of the reader's own, which alone accepts and closes; commands come
 * from other threads. `lock` is held for a whole exchange. A command that fails shuts the connection down, and
 * `watch` then sees that the card left.
 *
 * Source: pcsclite's ifdhandler.h, version 3 of the interface.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <ifdhandler.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define READERS_MAX 16
#define COMMAND_MAX 512 /* longer than any short APDU */
#define ANSWER_MAX 258  /* 256 bytes and the status word */
#define ATR_MAX 33      /* ISO/IEC 7816-3 */
#define ANSWER_MS 5000
#define ATR_TAG 0x00090303 /* SCARD_ATTR_ATR_STRING, asked for by way of pcscd */

enum field { FIELD_OFF = 0, FIELD_ON = 1, FIELD_RESET = 2, FIELD_ATR = 4 };

struct reader {
    bool used;
    int door;  /* where cards come in */
    int ended; /* readable when `watch` is to return */
    int card;  /* the one that is here, or -1; set by `watch` alone */
    int answer_ms;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    pthread_mutex_t lock;
};

static struct reader readers[READERS_MAX];

static struct reader *reader_of(DWORD lun) {
    struct reader *r = &readers[(lun >> 16) % READERS_MAX];
    return r->used ? r : NULL;
}

/* -- bytes ------------------------------------------------------------------------------------------------- */

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Wait for a card; false when it is too late, or it is gone. */
static bool ready(int card, short what, int64_t until_ms) {
    for (;;) {
        int64_t left = until_ms - now_ms();
        struct pollfd p = {.fd = card, .events = what};
        if (left <= 0) return false;
        int found = poll(&p, 1, (int)left);
        if (found > 0) return p.revents & what;
        if (found == 0 || errno != EINTR) return false;
    }
}

static bool give(int card, const unsigned char *bytes, size_t count, int64_t until_ms) {
    while (count > 0) {
        ssize_t sent = send(card, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
        } else if (errno != EINTR && (errno != EAGAIN || !ready(card, POLLOUT, until_ms))) {
            return false;
        }
    }
    return true;
}

static bool take(int card, unsigned char *bytes, size_t count, int64_t until_ms) {
    while (count > 0) {
        if (!ready(card, POLLIN, until_ms)) return false;
        ssize_t got = recv(card, bytes, count, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return false;
        if (got > 0) {
            bytes += got;
            count -= (size_t)got;
        }
    }
    return true;
}

/* Whether a card speaks out of turn, which leaves nobody who knows what its next words answer. */
static bool speaks_unasked(int card) {
    struct pollfd p = {.fd = card, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

/* Say something to the card and, where `answer` is not NULL, hear at least `least` and at most `most` bytes.
 * Returns their count, or -1: then the presentation is over. */
static long exchange(struct reader *r, const unsigned char *said, size_t count, unsigned char *answer, size_t least,
                     size_t most) {
    unsigned char message[2 + COMMAND_MAX], head[2];
    int64_t until_ms = now_ms() + r->answer_ms;
    long heard = -1;

    pthread_mutex_lock(&r->lock);
    if (r->card >= 0 && count <= COMMAND_MAX && !speaks_unasked(r->card)) {
        message[0] = (unsigned char)(count >> 8);
        message[1] = (unsigned char)count;
        memcpy(message + 2, said, count);
        if (give(r->card, message, count + 2, until_ms)) {
            if (answer == NULL) {
                heard = 0;
            } else if (take(r->card, head, 2, until_ms)) {
                size_t length = (size_t)head[0] << 8 | head[1];
                if (length >= least && length <= most && take(r->card, answer, length, until_ms)) heard = (long)length;
            }
        }
    }
    if (heard < 0 && r->card >= 0) shutdown(r->card, SHUT_RDWR);
    pthread_mutex_unlock(&r->lock);
    return heard;
}

static bool tell(struct reader *r, enum field what) {
    unsigned char word = (unsigned char)what;
    return exchange(r, &word, 1, NULL, 0, 0) == 0;
}

static RESPONSECODE tell_atr(struct reader *r, PUCHAR atr, PDWORD length) {
    unsigned char word = FIELD_ATR, answer[ATR_MAX];
    long count = exchange(r, &word, 1, answer, 2, sizeof answer);
    *length = 0;
    if (count < 0) return IFD_COMMUNICATION_ERROR;
    memcpy(atr, answer, (size_t)count);
    *length = (DWORD)count;
    return IFD_SUCCESS;
}

/* -- cards that come and go -------------------------------------------------------------------------------- */

/* Return when a card came or left, the time is over, or `stop` was called. */
static RESPONSECODE watch(DWORD lun, int timeout_ms) {
    struct reader *r = reader_of(lun);
    if (r == NULL) return IFD_NO_SUCH_DEVICE;
    bool here = r->card >= 0;
    struct pollfd p[3] = {
        {.fd = r->ended, .events = POLLIN}, {.fd = r->door, .events = POLLIN}, {.fd = r->card, .events = POLLRDHUP}};
    if (poll(p, here ? 3 : 2, timeout_ms) <= 0) return IFD_SUCCESS;
    if (here && p[2].revents) {
        pthread_mutex_lock(&r->lock);
        close(r->card);
        r->card = -1;
        pthread_mutex_unlock(&r->lock);
    } else if (p[1].revents) {
        int came = accept4(r->door, NULL, NULL, SOCK_CLOEXEC);
        if (came >= 0 && here) {
            close(came);
        } else if (came >= 0) {
            pthread_mutex_lock(&r->lock);
            r->card = came;
            pthread_mutex_unlock(&r->lock);
        }
    }
    return IFD_SUCCESS;
}

static RESPONSECODE stop(DWORD lun) {
    struct reader *r = reader_of(lun);
    uint64_t one = 1;
    if (r == NULL || write(r->ended, &one, sizeof one) != sizeof one) return IFD_COMMUNICATION_ERROR;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHICCPresence(DWORD lun) {
    struct reader *r = reader_of(lun);
    if (r == NULL) return IFD_NO_SUCH_DEVICE;
    struct pollfd p = {.fd = r->card, .events = POLLRDHUP};
    return r->card >= 0 && poll(&p, 1, 0) == 0 ? IFD_ICC_PRESENT : IFD_ICC_NOT_PRESENT;
}

/* -- the reader -------------------------------------------------------------------------------------------- */

/* Make the door: whatever a killed pcscd left there is removed, if it is a socket. */
static int door_at(const char *path) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat left;
    if (strlen(path) >= sizeof at.sun_path) return -1;
    strcpy(at.sun_path, path);
    if (lstat(path, &left) == 0 && S_ISSOCK(left.st_mode)) unlink(path);
    int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (door < 0) return -1;
    mode_t before = umask(0177);
    int bound = bind(door, (struct sockaddr *)&at, sizeof at);
    umask(before);
    if (bound == 0 && listen(door, 4) == 0) return door;
    close(door);
    return -1;
}

RESPONSECODE IFDHCreateChannelByName(DWORD lun, LPSTR name) {
    struct reader *r = &readers[(lun >> 16) % READERS_MAX];
    char *path = strchr(name, ':'), *at = strrchr(name, '@');
    path = path != NULL ? path + 1 : name;
    size_t length = at != NULL && at > path ? (size_t)(at - path) : strlen(path);
    if (r->used || length == 0 || length >= sizeof r->path) return IFD_COMMUNICATION_ERROR;
    memset(r, 0, sizeof *r);
    memcpy(r->path, path, length);
    r->answer_ms = at != NULL ? atoi(at + 1) : ANSWER_MS;
    if (r->answer_ms <= 0) r->answer_ms = ANSWER_MS;
    r->card = -1;
    if ((r->door = door_at(r->path)) < 0) return IFD_COMMUNICATION_ERROR;
    if ((r->ended = eventfd(0, EFD_CLOEXEC)) < 0) {
        close(r->door);
        return IFD_COMMUNICATION_ERROR;
    }
    pthread_mutex_init(&r->lock, NULL);
    r->used = true;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHCreateChannel(DWORD lun, DWORD channel) {
    (void)lun, (void)channel;
    return IFD_NOT_SUPPORTED; /* a socket has a name */
}

RESPONSECODE IFDHCloseChannel(DWORD lun) {
    struct reader *r = reader_of(lun);
    if (r == NULL) return IFD_COMMUNICATION_ERROR;
    r->used = false;
    if (r->card >= 0) close(r->card);
    close(r->door);
    close(r->ended);
    unlink(r->path);
    pthread_mutex_destroy(&r->lock);
    return IFD_SUCCESS;
}

static RESPONSECODE say_byte(PUCHAR value, PDWORD length, UCHAR byte) {
    if (*length < 1) return IFD_ERROR_INSUFFICIENT_BUFFER;
    *value = byte;
    *length = 1;
    return IFD_SUCCESS;
}

static RESPONSECODE say_function(PUCHAR value, PDWORD length, void *function) {
    if (*length < sizeof function) return IFD_ERROR_INSUFFICIENT_BUFFER;
    memcpy(value, &function, sizeof function);
    *length = sizeof function;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, PDWORD length, PUCHAR value) {
    struct reader *r = reader_of(lun);
    switch (tag) {
    case TAG_IFD_SLOTS_NUMBER:
    case TAG_IFD_THREAD_SAFE:
    case TAG_IFD_SLOT_THREAD_SAFE:
        return say_byte(value, length, 1);
    case TAG_IFD_SIMULTANEOUS_ACCESS:
        return say_byte(value, length, READERS_MAX);
    case TAG_IFD_POLLING_THREAD_WITH_TIMEOUT:
        return say_function(value, length, (void *)watch);
    case TAG_IFD_STOP_POLLING_THREAD:
        return say_function(value, length, (void *)stop);
    case TAG_IFD_ATR:
    case ATR_TAG:
        return r != NULL && *length >= ATR_MAX ? tell_atr(r, value, length) : IFD_COMMUNICATION_ERROR;
    default:
        *length = 0;
        return IFD_ERROR_TAG;
    }
}

RESPONSECODE IFDHSetCapabilities(DWORD lun, DWORD tag, DWORD length, PUCHAR value) {
    (void)lun, (void)tag, (void)length, (void)value;
    return IFD_NOT_SUPPORTED;
}

RESPONSECODE IFDHSetProtocolParameters(DWORD lun, DWORD protocol, UCHAR flags, UCHAR pts1, UCHAR pts2, UCHAR pts3) {
    (void)lun, (void)protocol, (void)flags, (void)pts1, (void)pts2, (void)pts3;
    return IFD_SUCCESS; /* nothing to agree on */
}

RESPONSECODE IFDHPowerICC(DWORD lun, DWORD action, PUCHAR atr, PDWORD length) {
    struct reader *r = reader_of(lun);
    *length = 0;
    if (r == NULL) return IFD_NO_SUCH_DEVICE;
    switch (action) {
    case IFD_POWER_DOWN:
        return tell(r, FIELD_OFF) ? IFD_SUCCESS : IFD_COMMUNICATION_ERROR;
    case IFD_POWER_UP:
        return tell(r, FIELD_ON) ? tell_atr(r, atr, length) : IFD_COMMUNICATION_ERROR;
    case IFD_RESET:
        return tell(r, FIELD_RESET) ? tell_atr(r, atr, length) : IFD_COMMUNICATION_ERROR;
    default:
        return IFD_NOT_SUPPORTED;
    }
}

RESPONSECODE IFDHTransmitToICC(DWORD lun, SCARD_IO_HEADER sent, PUCHAR command, DWORD count, PUCHAR answer,
                               PDWORD length, PSCARD_IO_HEADER received) {
    struct reader *r = reader_of(lun);
    size_t most = *length < ANSWER_MAX ? *length : ANSWER_MAX;
    *length = 0;
    if (r == NULL) return IFD_NO_SUCH_DEVICE;
    if (count < 4 || count > COMMAND_MAX) return IFD_COMMUNICATION_ERROR; /* one byte would be for the field */
    long heard = exchange(r, command, count, answer, 2, most);
    if (heard < 0) return IFD_COMMUNICATION_ERROR;
    *length = (DWORD)heard;
    if (received != NULL) received->Protocol = sent.Protocol;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHControl(DWORD lun, DWORD code, PUCHAR said, DWORD count, PUCHAR answer, DWORD most, LPDWORD length) {
    (void)lun, (void)code, (void)said, (void)count, (void)answer, (void)most;
    if (length != NULL) *length = 0;
    return IFD_ERROR_NOT_SUPPORTED;
}
