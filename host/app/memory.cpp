#include "memory.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace agenthost::host {

namespace {

// Drops only segments that are not writable: relocations are in the writable one, so the kernel can read
// these pages from the file again.
int drop_code(dl_phdr_info* object, std::size_t, void*)
{
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W)) continue;
        const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr + page - 1) / page * page;
        const std::uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_filesz) / page * page;
        if (end > begin)
            // The result does not matter: it fails for the vDSO only.
            ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
}

} // namespace

void bound_arenas() { ::mallopt(M_ARENA_MAX, 2); }

void release_idle_memory()
{
    ::malloc_trim(0);
    ::dl_iterate_phdr(drop_code, nullptr);
}

} // namespace agenthost::host
