#include "secret.hpp"

#include "config.hpp"

#include <kit/fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace agenthost::host {

namespace conf {

namespace {

bool in_group(gid_t group)
{
    if (group == ::getegid()) return true;
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int n = ::getgroups(static_cast<int>(groups.size()), groups.data());
    for (int i = 0; i < n; ++i)
        if (groups[static_cast<std::size_t>(i)] == group) return true;
    return false;
}

SecretFile judge(const struct stat& st, const std::string& file)
{
    using Verdict = SecretFile::Verdict;
    if (S_ISDIR(st.st_mode)) return {Verdict::refused, file + " is a directory, not a file with a secret"};
    if (!S_ISREG(st.st_mode)) return {}; // a pipe or a device somebody chose
    if (st.st_uid != 0 && st.st_uid != ::geteuid() && ::geteuid() != 0)
        return {Verdict::doubtful, file +
                                       " belongs to another user, who can change it. Make it yours: chown " +
                                       std::to_string(::geteuid()) + " " + file};
    if ((st.st_mode & 0007) != 0)
        return {Verdict::refused,
                "everyone on this machine may open " + file + ". Make it private: chmod 600 " + file};
    if ((st.st_mode & 0020) != 0)
        return {Verdict::refused, "a group may change " + file + ". Make it private: chmod 600 " + file};
    if ((st.st_mode & 0040) != 0 && !in_group(st.st_gid))
        return {Verdict::doubtful,
                "a group that this user is not in may read " + file + ". Make it private: chmod 600 " + file};
    return {};
}

} // namespace

SecretFile look_at_secret_file(const std::string& file)
{
    using Verdict = SecretFile::Verdict;
    struct stat st {};
    if (::stat(file.c_str(), &st) != 0) {
        if (errno == ENOENT) return {Verdict::doubtful, file + " does not exist; create it with mode 0600"};
        return {Verdict::doubtful, file + " cannot be looked at: " + std::strerror(errno)};
    }
    SecretFile state = judge(st, file);
    if (state.verdict == Verdict::good && ::access(file.c_str(), R_OK) != 0)
        return {Verdict::doubtful, file + " cannot be read by this user: " + std::strerror(errno)};
    return state;
}

} // namespace conf

namespace {

constexpr std::size_t max_secret_bytes = 64 << 10; // a key or a JWT is far below

std::optional<std::string> read_secret_file(const std::string& file, std::string& why)
{
    const kit::Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    if (!fd) {
        why = file + ": " + std::strerror(errno);
        if (errno == ENOENT) why += ". Create it with mode 0600 and the secret in it";
        if (errno == EACCES) why += ". Give it to the user the daemon runs as: chown USER " + file;
        return std::nullopt;
    }
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) {
        why = file + ": " + std::strerror(errno);
        return std::nullopt;
    }
    if (const auto state = conf::judge(st, file); state.verdict == conf::SecretFile::Verdict::refused) {
        why = state.text;
        return std::nullopt;
    }
    std::string text(max_secret_bytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            why = file + ": " + std::strerror(errno);
            return std::nullopt;
        }
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    if (size > max_secret_bytes) {
        why = file + ": longer than 64 KiB; this is not a secret";
        return std::nullopt;
    }
    text.resize(size);
    return text;
}

} // namespace

std::optional<std::string> read_secret(const SecretSource& source, std::string& why)
{
    std::optional<std::string> secret;
    std::string origin;
    switch (source.kind) {
    case SecretSource::Kind::none: why = "no credential is configured"; return std::nullopt;
    case SecretSource::Kind::file:
        origin = source.name;
        secret = read_secret_file(source.name, why);
        break;
    case SecretSource::Kind::env:
        origin = "environment variable " + source.name;
        if (const char* value = std::getenv(source.name.c_str())) {
            secret = value;
        } else {
            why = origin + " is not set for the daemon";
        }
        break;
    case SecretSource::Kind::systemd: {
        const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
        origin = "systemd credential " + source.name;
        if (source.name.find('/') != std::string::npos) {
            why = origin + ": a name has no \"/\" in it";
        } else if (!directory || !*directory) {
            why = origin + ": the daemon was given no credentials. Add LoadCredential=" + source.name +
                  ":PATH to its unit";
        } else {
            secret = read_secret_file(std::string{directory} + "/" + source.name, why);
            if (!secret) why = origin + ": " + why;
        }
        break;
    }
    }
    if (!secret) return std::nullopt;
    while (!secret->empty() && (secret->back() == '\n' || secret->back() == '\r')) secret->pop_back();
    if (!secret->empty()) return secret;
    why = origin + " is empty";
    return std::nullopt;
}

} // namespace agenthost::host
