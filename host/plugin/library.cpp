#include "library.hpp"

#include "owned.hpp"
#include "plugin.hpp"

#include "base/fd.hpp"

#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

namespace agenthost::host {
namespace {

constexpr std::size_t min_entry = offsetof(agh_entry_v1, create) + sizeof(agh_entry_v1::create);

std::string abi(std::uint32_t major, std::uint32_t minor)
{
    return std::to_string(major) + "." + std::to_string(minor);
}

// Returns the major version of another entry symbol, for the error message, or 0.
std::uint32_t other_major(void* handle)
{
    for (std::uint32_t major = 2; major < 10; ++major)
        if (::dlsym(handle, ("agh_plugin_entry_v" + std::to_string(major)).c_str())) return major;
    return 0;
}

// Remembers which file was loaded for each path: a library stays mapped until the process ends, and dlopen()
// of the same path returns it even if the file has been replaced. Bounded by the libraries of this process.
struct Mapped {
    std::mutex mutex;
    std::map<std::string, std::string> identities; // by path
};
Mapped& mapped()
{
    // Never destroyed: a thread that hangs in a library's constructor may return after exit() has begun.
    static auto& all = *new Mapped;
    return all;
}

constexpr const char* replaced =
    "the file has been replaced since this process loaded it, and the old one stays loaded until the process "
    "ends. Restart agenthost to run the new one.";

bool is_another(const std::string& file, const std::string& identity)
{
    const std::lock_guard lock{mapped().mutex};
    const auto at = mapped().identities.find(file);
    return at != mapped().identities.end() && at->second != identity;
}

bool read_at(int fd, std::uint64_t at, void* to, std::size_t size)
{
    return ::pread(fd, to, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
}

bool cut_short(const std::string& file)
{
    const base::Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat st {};
    ElfW(Ehdr) head{};
    if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
        return false; // dlopen() reports the problem
    if (st.st_size == 0) return true;
    if (!read_at(fd.get(), 0, &head.e_ident, SELFMAG) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    if (!read_at(fd.get(), 0, &head, sizeof head)) return true;
    if (head.e_phentsize != sizeof(ElfW(Phdr))) return false;
    const auto size = static_cast<std::uint64_t>(st.st_size);
    for (std::uint64_t i = 0; i < head.e_phnum; ++i) {
        ElfW(Phdr) part{};
        if (!read_at(fd.get(), head.e_phoff + i * sizeof part, &part, sizeof part)) return true;
        const bool fits = part.p_filesz <= size && part.p_offset <= size - part.p_filesz;
        if (part.p_type == PT_LOAD && !fits) return true;
    }
    return false;
}

} // namespace

std::string refuse_cut_short(const std::string& file)
{
    if (!cut_short(file)) return {};
    return "plugin " + std::filesystem::path{file}.filename().string() + " refused: " + file +
           " is cut short, as by a full disk or a copy that was interrupted. Install its package again.";
}

std::string check_entry(const std::string& name, const agh_entry_v1& entry, const Manifest& manifest)
{
    const std::string refused = "plugin " + name + " refused: ";
    const std::string ours = abi(AGH_ABI_MAJOR, AGH_ABI_MINOR);
    if (entry.size < min_entry)
        return refused + "its entry is " + std::to_string(entry.size) + " bytes, ABI 1.0 has " +
               std::to_string(min_entry) + ". Rebuild it against the agenthost SDK.";
    if (entry.abi_major != AGH_ABI_MAJOR)
        return refused + "is built for ABI " + abi(entry.abi_major, entry.abi_minor) + ", this host offers " +
               ours + ". Install " + manifest.id + " for ABI " + std::to_string(AGH_ABI_MAJOR) +
               ", or an agenthost that offers ABI " + std::to_string(entry.abi_major) + ".";
    if (entry.abi_minor_needed > AGH_ABI_MINOR) {
        const std::string needed = abi(entry.abi_major, entry.abi_minor_needed);
        return refused + "needs ABI " + needed + ", this host offers " + ours +
               ". Upgrade agenthost to one that offers " + needed + " or later, or install " + manifest.id +
               " for ABI " + ours + ".";
    }
    if (entry.manifest.size == 0)
        return refused + "the library contains no manifest. Build it with agenthost_add_plugin(), or see " +
               "\"Without CMake\" in the SDK's README.";
    if (view(entry.manifest) != manifest.text)
        return refused + "the manifest inside the library differs from " + manifest.id +
               ".manifest.json beside it. Install both from the same package.";
    if (!entry.create) return refused + "its entry has no create(). Rebuild it against the agenthost SDK.";
    return {};
}

std::string replaced_library(const std::string& file)
{
    return is_another(file, file_identity(file)) ? replaced : std::string{};
}

const agh_entry_v1* load_library(const std::string& file, const Manifest& manifest, std::string& why)
try {
    why.clear();
    const std::string name = std::filesystem::path{file}.filename().string();
    const std::string identity = file_identity(file);
    if (is_another(file, identity)) {
        why = "plugin " + name + " refused: " + replaced;
        return nullptr;
    }
    if (why = refuse_cut_short(file); !why.empty()) return nullptr;
    ::dlerror();
    void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char* text = ::dlerror();
        why = "plugin " + name + " refused: " + (text ? text : "cannot be loaded") +
              ". Install what it needs, or a build for this system.";
        return nullptr;
    }
    {
        const std::lock_guard lock{mapped().mutex};
        mapped().identities.emplace(file, identity);
    }
    const auto* entry = static_cast<const agh_entry_v1*>(::dlsym(handle, AGH_ENTRY_SYMBOL));
    if (!entry) {
        const std::uint32_t major = other_major(handle);
        why =
            "plugin " + name + " refused: " +
            (major ? "is built for ABI major " + std::to_string(major) + ", this host offers " +
                         abi(AGH_ABI_MAJOR, AGH_ABI_MINOR) + ". Install " + manifest.id + " for ABI " +
                         std::to_string(AGH_ABI_MAJOR) + ", or a newer agenthost."
                   : "has no symbol " AGH_ENTRY_SYMBOL
                     ". It is not an agenthost plugin, or AGENTHOST_PLUGIN(Class) is missing in its source.");
        return nullptr;
    }
    why = check_entry(name, *entry, manifest);
    return why.empty() ? entry : nullptr;
} catch (const std::exception& e) {
    // Out of memory. An exception from a library's constructor cannot be caught; it ends the process.
    why = "plugin " + file + " refused: " + e.what();
    return nullptr;
}

std::vector<std::string> check_library(const FoundPlugin& found)
{
    std::vector<std::string> problems = check_file_ownership(found.library);
    if (!found.manifest) {
        problems.push_back(found.problem);
        return problems;
    }
    if (!problems.empty()) return problems; // do not run code that others can write, not even to check it
    std::string why;
    if (!load_library(found.library, *found.manifest, why)) problems.push_back(why);
    return problems;
}

} // namespace agenthost::host
