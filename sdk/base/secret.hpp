// Reads secrets from files, the environment and systemd credentials; the only code that does so.
//
// Content: a byte order mark, blank lines and line ends (LF or CRLF) are not part of the secret. The rest
// must be one line: two lines are an error of their own, because sending the first one, or both, would look
// like a wrong password. At most 64 KiB.
//
// Files: access by other users is checked, as ssh does for keys (SecretFile). Container secrets usually
// belong to root with mode 0444: a file below /run/secrets, where Docker, Podman and Kubernetes mount them,
// and a systemd credential may be readable by everyone. For any other place {file: PATH, mode: any} in the
// configuration turns the check off.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::base {

struct SecretSource {
    enum class Kind { none, file, env, systemd } kind = Kind::none;
    std::string name;      // path, variable or credential
    bool any_mode = false; // of a file: owner and mode are not checked
    bool operator==(const SecretSource&) const = default;
};

// line: a token, password or HMAC key. text: several lines, such as a private key in PEM.
enum class SecretForm { line, text };

// Reads it now. Blocking. nullopt and `why`: what, where, how to fix; never any of the content.
std::optional<std::string> read_secret(const SecretSource&, std::string& why,
                                       SecretForm form = SecretForm::line);

// The rules for the content alone. `why` begins with `origin`.
std::optional<std::string> secret_from(std::string_view content, const std::string& origin, SecretForm,
                                       std::string& why);

// Returns the file that read_secret() would open, or "" if it opens none (env, or no credentials directory).
std::string secret_file(const SecretSource&);

// good: no other user can read or change it. refused: everyone can read it, or a group can change it; it is
// not read. doubtful: it belongs to another user, a foreign group can read it, or it is missing or unreadable
// now; it is read if possible.
struct SecretFile {
    enum class Verdict { good, doubtful, refused } verdict = Verdict::good;
    std::string text; // what, where, how to fix
};
// Folders whose files may be readable by everyone: /run/secrets, and $CREDENTIALS_DIRECTORY when it is set.
std::vector<std::string> shared_secret_folders();
SecretFile look_at_secret_file(const SecretSource&,
                               const std::vector<std::string>& folders = shared_secret_folders());

// Reads a file that contains secrets among other data (a list of credentials): the same checks, the bytes
// unchanged.
std::optional<std::string> read_private_file(const std::string& file, std::size_t max_bytes, std::string& why,
                                             bool any_mode = false);

} // namespace agenthost::base
