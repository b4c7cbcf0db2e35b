// A game server for tests: says when it is ready, does what it is told on its standard input, and misbehaves on demand.
//
//     say TEXT   prints it          stop       ends with 0        crash [N]   ends with N (3)
//     hang       ignores the end of input, stop and SIGTERM       die         kills itself with SIGKILL
//     flood N    prints N numbered lines                          hog MIB     takes that much memory
//     tick MS    prints a numbered line each MS from now on
// The environment READY_AFTER delays the line that says it is ready, by milliseconds; TICK is as the command. FILL names a file: once
// it is there, as many megabytes of lines are printed as it says, and FILE.done gets the milliseconds that this took.
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t hanging = 0;
static long tick_ms = 0, ticks = 0;

static void on_term(int signal)
{
    (void)signal;
    if (hanging) return;
    static const char text[] = "[INFO]: saving\n";
    if (write(1, text, sizeof text - 1) < 0) _exit(1);
    _exit(0);
}

static void hog(long mib)
{
    for (long i = 0; i < mib; ++i) {
        char* part = malloc(1 << 20);
        if (part == NULL) break;
        memset(part, (int)i + 1, 1 << 20);
    }
}

static void obey(char* line)
{
    line[strcspn(line, "\r\n")] = 0;
    const char* space = strchr(line, ' ');
    const long number = space ? atol(space) : 0;
    if (strncmp(line, "say ", 4) == 0) {
        printf("[INFO]: %s\n", line + 4);
    } else if (strcmp(line, "stop") == 0 && !hanging) {
        printf("[INFO]: stopping\n");
        exit(0);
    } else if (strncmp(line, "crash", 5) == 0) {
        printf("[ERROR]: crashing\n");
        exit(space ? (int)number : 3);
    } else if (strcmp(line, "hang") == 0) {
        hanging = 1;
        printf("[WARN]: hanging\n");
    } else if (strcmp(line, "die") == 0) {
        kill(getpid(), SIGKILL);
    } else if (strncmp(line, "flood", 5) == 0) {
        for (long i = 1; i <= number; ++i) printf("flood %ld\n", i);
    } else if (strncmp(line, "hog", 3) == 0) {
        hog(number);
        printf("[INFO]: took %ld MiB\n", number);
    } else if (strncmp(line, "tick", 4) == 0) {
        tick_ms = number;
    } else {
        printf("[WARN]: unknown command %s\n", line);
    }
}

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void fill_when_told(const char* order)
{
    FILE* file = fopen(order, "r");
    if (file == NULL) return;
    long megabytes = 0;
    const int read = fscanf(file, "%ld", &megabytes);
    fclose(file);
    if (read != 1) return; // not written yet
    unlink(order);
    const double before = now_ms();
    long number = 0;
    for (long left = megabytes * 1000000; left > 0;)
        left -=
            printf("[12:00:00] [Server thread/INFO]: line %7ld of a flood that a broken game server prints\n",
                   ++number);
    char done[4096];
    snprintf(done, sizeof done, "%s.done", order);
    file = fopen(done, "w");
    if (file == NULL) return;
    fprintf(file, "%.3f %ld\n", now_ms() - before, number);
    fclose(file);
}

static void nap(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, on_term);
    const char* const after = getenv("READY_AFTER");
    const char* const tick = getenv("TICK");
    const char* const order = getenv("FILL");
    printf("[INFO]: starting\n");
    if (after) nap(atol(after));
    if (tick) tick_ms = atol(tick);
    printf("[INFO]: Done (0.1s)! For help, type \"help\"\n");
    char line[4096];
    size_t size = 0;
    int open = 1;
    for (;;) {
        struct pollfd in = {open ? 0 : -1, POLLIN, 0};
        if (poll(&in, 1, tick_ms > 0 ? (int)tick_ms : order ? 20 : 1000) <= 0) {
            if (order) fill_when_told(order);
            if (tick_ms > 0) printf("tick %ld\n", ++ticks);
            continue;
        }
        const ssize_t got = read(0, line + size, sizeof line - 1 - size);
        if (got <= 0) {
            open = 0; // nobody types any more
            continue;
        }
        size += (size_t)got;
        line[size] = 0;
        for (char* end; (end = strchr(line, '\n')) != NULL;) {
            char one[4096];
            const size_t length = (size_t)(end - line) + 1;
            memcpy(one, line, length);
            one[length] = 0;
            memmove(line, end + 1, size - length + 1);
            size -= length;
            obey(one);
        }
        if (size == sizeof line - 1) size = 0;
    }
}
