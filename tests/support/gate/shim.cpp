// LD_PRELOAD: whoever opens a file whose path ends with $GATE_FILE waits until $GATE_OPEN exists;
// $GATE_OPEN.waits tells that it waits. So a test holds a process at one point for as long as it needs.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace {

void pass(const char* path)
{
    const char* file = ::getenv("GATE_FILE");
    const char* open = ::getenv("GATE_OPEN");
    if (!file || !open || !path || !std::string_view{path}.ends_with(file)) return;
    const std::string waits = std::string{open} + ".waits";
    const auto made = ::syscall(SYS_openat, AT_FDCWD, waits.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (made >= 0) ::close(static_cast<int>(made));
    while (::access(open, F_OK) != 0) ::usleep(5'000);
}

template <class... More> int go_on(const char* name, const char* path, int flags, More... more)
{
    pass(path);
    return reinterpret_cast<int (*)(const char*, int, ...)>(::dlsym(RTLD_NEXT, name))(path, flags, more...);
}

} // namespace

#define GATED(name)                                                                                          \
    extern "C" __attribute__((visibility("default"))) int name(const char* path, int flags, ...)             \
    {                                                                                                        \
        va_list rest;                                                                                        \
        va_start(rest, flags);                                                                               \
        const unsigned mode = va_arg(rest, unsigned);                                                        \
        va_end(rest);                                                                                        \
        return go_on(#name, path, flags, mode);                                                              \
    }
GATED(open)
GATED(open64)
