#include "mark.hpp"

#include "base/fd.hpp"
#include "base/write_all.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <vector>

namespace agenthost::storage {

namespace {

constexpr std::size_t max_known = 32;
constexpr std::size_t id_size = 32;

bool is_id(std::string_view text)
{
    return text.size() == id_size && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Replaces a file atomically: writes and syncs a temporary file, renames it and syncs the folder.
int replace(int folder, const std::string& name, std::string_view text)
{
    const std::string temporary = name + ".new";
    const base::Fd file{
        ::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file) return errno;
    if (!base::write_all(file.get(), text) || ::fsync(file.get()) != 0 ||
        ::renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) {
        const int error = errno;
        ::unlinkat(folder, temporary.c_str(), 0);
        return error;
    }
    return ::fsync(folder) == 0 ? 0 : errno;
}

std::vector<std::string> lines_of(const std::string& file)
{
    std::vector<std::string> lines;
    std::ifstream in{file};
    for (std::string line; lines.size() < max_known && std::getline(in, line);)
        if (line.size() > id_size + 1 && is_id(std::string_view{line}.substr(0, id_size)))
            lines.push_back(line);
    return lines;
}

} // namespace

std::string read_mark(int folder)
{
    const base::Fd file{::openat(folder, mark_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    std::array<char, id_size> text{};
    if (!file || ::read(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return {};
    const std::string_view id{text.data(), text.size()};
    return is_id(id) ? std::string{id} : std::string{};
}

int write_mark(int folder, const std::string& id) { return replace(folder, mark_file, id + "\n"); }

std::string KnownStores::find(std::string_view path) const
{
    if (folder_.empty()) return {};
    for (const auto& line : lines_of(file()))
        if (std::string_view{line}.substr(id_size + 1) == path) return line.substr(0, id_size);
    return {};
}

int KnownStores::remember(std::string_view path, std::string_view id) const
{
    if (folder_.empty() || find(path) == id) return 0;
    auto lines = lines_of(file());
    std::erase_if(
        lines, [&](const std::string& line) { return std::string_view{line}.substr(id_size + 1) == path; });
    if (lines.size() >= max_known) lines.erase(lines.begin());
    lines.push_back(std::string{id} + " " + std::string{path});
    std::string text;
    for (const auto& line : lines) (text += line) += '\n';
    const base::Fd folder{::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return folder ? replace(folder.get(), "known-stores", text) : errno;
}

} // namespace agenthost::storage
