#include "secret.hpp"

#include "fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace agenthost::base {

namespace {

constexpr std::size_t max_secret_bytes = 64 << 10; // a key or a JWT is far below
using Verdict = SecretFile::Verdict;

bool in_group(gid_t group)
{
    if (group == ::getegid()) return true;
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int n = ::getgroups(static_cast<int>(groups.size()), groups.data());
    for (int i = 0; i < n; ++i)
        if (groups[static_cast<std::size_t>(i)] == group) return true;
    return false;
}

// Where `file` really is: Kubernetes mounts links to links.
bool is_below(const std::string& file, const std::vector<std::string>& folders)
{
    const auto real = [](const std::string& path) {
        char* const text = ::realpath(path.c_str(), nullptr);
        std::string out = text ? text : "";
        std::free(text);
        return out;
    };
    const std::string at = real(file);
    return !at.empty() && std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
        const std::string root = real(folder);
        return !root.empty() && at.starts_with(root + "/");
    });
}

SecretFile judge(const struct stat& st, const std::string& file, bool any_mode,
                 const std::vector<std::string>& folders)
{
    if (S_ISDIR(st.st_mode)) return {Verdict::refused, file + " is a directory, not a file with a secret"};
    if (any_mode || !S_ISREG(st.st_mode)) return {}; // a pipe or a device somebody chose
    const std::string remedy = ". Make it private: chmod 0600 " + file;
    if ((st.st_mode & 0002) != 0)
        return {Verdict::refused, "everyone on this machine may change " + file + remedy};
    if ((st.st_mode & 0020) != 0) return {Verdict::refused, "a group may change " + file + remedy};
    if (is_below(file, folders)) return {};
    if (st.st_uid != 0 && st.st_uid != ::geteuid() && ::geteuid() != 0)
        return {Verdict::doubtful, file +
                                       " belongs to another user, who can change it. Make it yours: chown " +
                                       std::to_string(::geteuid()) + " " + file};
    if ((st.st_mode & 0007) != 0)
        return {Verdict::refused, "everyone on this machine may open " + file + remedy +
                                      "; for a container's secret write {file: PATH, mode: any}"};
    if ((st.st_mode & 0040) != 0 && !in_group(st.st_gid))
        return {Verdict::doubtful, "a group that this user is not in may read " + file + remedy};
    return {};
}

std::string cannot_open(const std::string& file, int error)
{
    std::string why = file + ": " + std::strerror(error);
    if (error == ENOENT) why += ". Create it with mode 0600 and the secret in it";
    if (error == EACCES) why += ". Give it to the user the daemon runs as: chown USER " + file;
    return why;
}

std::optional<std::string> read_bounded(const Fd& fd, const std::string& file, std::size_t max_bytes,
                                        std::string& why)
{
    std::string text;
    char block[16 << 10];
    while (text.size() <= max_bytes) {
        const ssize_t n = ::read(fd.get(), block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            why = file + ": " + std::strerror(errno);
            return std::nullopt;
        }
        if (n == 0) return text;
        text.append(block, static_cast<std::size_t>(n));
    }
    why = file + ": longer than " + std::to_string(max_bytes >> 10) + " KiB; this is not a secret";
    return std::nullopt;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

// Lines that are not blank; "\r\n" and a lone "\r" end one as well.
std::vector<std::string_view> filled_lines(std::string_view text)
{
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of("\r\n"), text.size());
        if (const auto line = text.substr(0, end); !is_blank(line)) out.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

} // namespace

std::optional<std::string> secret_from(std::string_view content, const std::string& origin, SecretForm form,
                                       std::string& why)
{
    if (content.starts_with("\xff\xfe") || content.starts_with("\xfe\xff")) {
        why = origin + " is UTF-16 text. Save it as UTF-8 or plain ASCII";
        return std::nullopt;
    }
    if (content.starts_with("\xef\xbb\xbf")) content.remove_prefix(3);
    const auto lines = filled_lines(content);
    if (lines.empty()) {
        why = origin + " is empty. Put the secret into it; openssl rand -hex 32 makes one";
        return std::nullopt;
    }
    if (form == SecretForm::text) {
        const char* const end = lines.back().data() + lines.back().size();
        return std::string{lines.front().data(), end};
    }
    if (lines.size() > 1) {
        why = origin + " has " + std::to_string(lines.size()) +
              " lines that are not blank. A secret is one line: remove the others";
        return std::nullopt;
    }
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::any_of(lines[0].begin(), lines[0].end(), is_control)) {
        why = origin + " has a control character in it. A secret is one line of text";
        return std::nullopt;
    }
    return std::string{lines[0]};
}

std::vector<std::string> shared_secret_folders()
{
    std::vector<std::string> out{"/run/secrets"};
    const char* const own = std::getenv("CREDENTIALS_DIRECTORY"); // NOLINT(concurrency-mt-unsafe)
    if (own != nullptr && *own == '/') out.emplace_back(own);
    return out;
}

SecretFile look_at_secret_file(const SecretSource& source, const std::vector<std::string>& folders)
{
    const std::string file = secret_file(source);
    struct stat st {};
    if (::stat(file.c_str(), &st) != 0) {
        if (errno == ENOENT) return {Verdict::doubtful, file + " does not exist; create it with mode 0600"};
        return {Verdict::doubtful, file + " cannot be looked at: " + std::strerror(errno)};
    }
    SecretFile state = judge(st, file, source.any_mode, folders);
    if (state.verdict == Verdict::good && ::access(file.c_str(), R_OK) != 0)
        return {Verdict::doubtful, file + " cannot be read by this user: " + std::strerror(errno)};
    return state;
}

std::optional<std::string> read_private_file(const std::string& file, std::size_t max_bytes, std::string& why,
                                             bool any_mode)
{
    // O_NONBLOCK: a pipe without a writer must not block.
    const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0) {
        why = cannot_open(file, errno);
        return std::nullopt;
    }
    if (const SecretFile state = judge(st, file, any_mode, shared_secret_folders());
        state.verdict == Verdict::refused) {
        why = state.text;
        return std::nullopt;
    }
    return read_bounded(fd, file, max_bytes, why);
}

std::string secret_file(const SecretSource& source)
{
    if (source.kind == SecretSource::Kind::file) return source.name;
    if (source.kind != SecretSource::Kind::systemd) return {};
    const char* const folder = std::getenv("CREDENTIALS_DIRECTORY"); // NOLINT(concurrency-mt-unsafe)
    return folder != nullptr && *folder != '\0' ? std::string{folder} + "/" + source.name : std::string{};
}

std::optional<std::string> read_secret(const SecretSource& source, std::string& why, SecretForm form)
{
    switch (source.kind) {
    case SecretSource::Kind::none: why = "no credential is configured"; return std::nullopt;
    case SecretSource::Kind::env: {
        const std::string origin = "environment variable " + source.name;
        const char* const value = std::getenv(source.name.c_str()); // NOLINT(concurrency-mt-unsafe)
        if (value != nullptr) return secret_from(value, origin, form, why);
        why = origin + " is not set for the daemon";
        return std::nullopt;
    }
    case SecretSource::Kind::file: {
        const auto content = read_private_file(source.name, max_secret_bytes, why, source.any_mode);
        return content ? secret_from(*content, source.name, form, why) : std::nullopt;
    }
    case SecretSource::Kind::systemd: break;
    }
    const std::string origin = "systemd credential " + source.name, file = secret_file(source);
    if (source.name.find('/') != std::string::npos) {
        why = origin + ": a name must not contain \"/\"";
        return std::nullopt;
    }
    if (file.empty()) {
        why = origin + ": the daemon was given no credentials. Add LoadCredential=" + source.name +
              ":PATH to its unit";
        return std::nullopt;
    }
    const auto content = read_private_file(file, max_secret_bytes, why);
    if (content) return secret_from(*content, origin, form, why);
    why = origin + ": " + why;
    return std::nullopt;
}

} // namespace agenthost::base
