#include "part.hpp"

#include "descriptors.hpp"

#include "base/uuid.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>

namespace agenthost::docker::files {

namespace {

constexpr std::string_view prefix = ".agenthost-", suffix = ".part";
constexpr std::size_t token_size = 8;

// Differs from process to process.
const std::string& process_token()
{
    static const std::string token = base::random_uuid().substr(0, token_size);
    return token;
}

std::string_view token_of(std::string_view name)
{
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return {};
    if (name.size() < prefix.size() + token_size + 2 + suffix.size()) return {};
    if (name[prefix.size() + token_size] != '-') return {};
    return name.substr(prefix.size(), token_size);
}

} // namespace

std::string new_part_name()
{
    static std::atomic<std::uint64_t> count{0};
    return std::string{prefix} + process_token() + "-" + std::to_string(++count) + std::string{suffix};
}

bool is_own_part(std::string_view name) { return token_of(name) == process_token(); }

bool is_foreign_part(std::string_view name)
{
    const std::string_view token = token_of(name);
    return !token.empty() && token != process_token();
}

int create_part(int folder, std::string& name)
{
    for (int i = 0; i < 8; ++i) { // somebody could take our next name
        name = new_part_name();
        const int fd = open_beneath(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                                    Links::refused, 0600);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

int create_part_folder(int folder, std::string& name)
{
    for (int i = 0; i < 8; ++i) {
        name = new_part_name();
        if (::mkdirat(folder, name.c_str(), 0700) == 0) return open_folder(folder, name.c_str());
        if (errno != EEXIST) return -1;
    }
    return -1;
}

} // namespace agenthost::docker::files
