#include "keys.hpp"

#include "credentials_file.hpp"

#include "base/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace agenthost::hub {

namespace {

constexpr std::size_t key_digits = 64;

[[noreturn]] void fail(const std::string& file, const std::string& cause)
{
    throw std::runtime_error{file + ": " + cause};
}

// Creates the file atomically: writes a temporary file, syncs and renames it.
void make(const std::string& file)
{
    const std::string draft = file + ".new";
    const base::Fd fd{::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    const std::string text = base::random_token(key_digits / 2) + "\n";
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(fd.get()) != 0 || ::rename(draft.c_str(), file.c_str()) != 0) {
        fail(file, std::string{"cannot create the hub's key: "} + std::strerror(errno) +
                       ". Check that the folder exists and belongs to the daemon's user.");
    }
    const base::Fd folder{::open(std::filesystem::path{file}.parent_path().c_str(), O_RDONLY | O_CLOEXEC)};
    if (folder) ::fsync(folder.get());
}

} // namespace

RootKey::RootKey(const std::string& file, const std::string& needed)
{
    if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) {
        if (!needed.empty())
            fail(file,
                 "is missing, and " + needed +
                     ". Restore it from a backup. If it is lost, make another one, (umask 077; openssl rand "
                     "-hex 32 > " +
                     file + "), and create the credentials of signed and panel agents and all JWTs again.");
        make(file);
    }
    std::string why;
    const auto text = read_secret({Secret::Kind::file, file}, why);
    if (!text) throw std::runtime_error{why};
    if (text->size() != key_digits)
        fail(file, "not a key that the hub created. Restore it from a backup; without it, create the agents' "
                   "secrets again.");
    key_ = *text;
}

std::string RootKey::derive(std::string_view purpose, std::string_view name, std::string_view salt) const
{
    // Length prefixes distinguish ("ab","c") from ("a","bc").
    std::string message{purpose};
    for (const std::string_view part : {name, salt}) {
        message += '\n' + std::to_string(part.size()) + ':';
        message += part;
    }
    return base::hex(base::hmac_sha256(key_, message));
}

} // namespace agenthost::hub
