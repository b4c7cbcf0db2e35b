// spew BYTES: writes lines of 80 characters to standard output as fast as it takes them.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char block[81 * 809]; // whole lines, about 64 KiB
    unsigned long long left = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    memset(block, 'x', sizeof block);
    for (size_t i = 80; i < sizeof block; i += 81) block[i] = '\n';
    while (left > 0) {
        const ssize_t n = write(1, block, left < sizeof block ? left : sizeof block);
        if (n <= 0) return 1;
        left -= (unsigned long long)n;
    }
    return 0;
}
