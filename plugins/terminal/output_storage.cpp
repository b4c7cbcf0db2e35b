#include "output_storage.hpp"

#include <filesystem>
#include <system_error>

namespace agenthost::terminal {

namespace fs = std::filesystem;

std::string OutputStorage::open(std::string_view state_directory)
{
    folder_ = state_directory;
    if (folder_.empty()) return {};
    folder_ += "/rings";
    std::error_code error;
    fs::remove_all(folder_, error);
    fs::create_directory(folder_, error);
    fs::permissions(folder_, fs::perms::owner_all, error);
    return error ? folder_ + ": " + error.message() : std::string{};
}

std::unique_ptr<Output> OutputStorage::make(std::size_t channel, std::uint64_t ring)
{
    const std::string file = folder_.empty() ? std::string{} : folder_ + "/" + std::to_string(++last_);
    return std::make_unique<Output>(file + (channel == 0 ? ".out" : ".err"), ring, &windows_);
}

} // namespace agenthost::terminal
