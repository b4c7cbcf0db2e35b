// Where a secret is kept, and the one way to read it: files, environment, systemd credentials.
//
// Content: a byte order mark, blank lines and line ends (LF or CRLF) are not part of the secret. What remains must be one line: a file
// with two is an error that says so, because sending the first, or both, would look like a wrong password. At most 64 KiB.
//
// Files: who else may open them is checked, as ssh does for keys (SecretFile). Container secrets are usually root's with mode 0444:
// a file below /run/secrets, where Docker, Podman and Kubernetes mount them, and a systemd credential may be readable by everyone.
// For any other place the configuration says {file: PATH, mode: any}, and nothing is checked.
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

// The file that read_secret() would open; empty when there is none (env, or no credentials directory).
std::string secret_file(const SecretSource&);

// good: nobody else can read or change it. refused: everyone may read it, or a group may change it; it is not read. doubtful: it is
// another user's, a foreign group may read it, or it is not there or not readable now; it is read when it can be.
struct SecretFile {
    enum class Verdict { good, doubtful, refused } verdict = Verdict::good;
    std::string text; // what, where, how to fix
};
// Folders whose files may be readable by everyone: /run/secrets, and $CREDENTIALS_DIRECTORY when it is set.
std::vector<std::string> shared_secret_folders();
SecretFile look_at_secret_file(const SecretSource&,
                               const std::vector<std::string>& folders = shared_secret_folders());

// A file that holds secrets among other things (a list of credentials): the same checks, its bytes as they are.
std::optional<std::string> read_private_file(const std::string& file, std::size_t max_bytes, std::string& why,
                                             bool any_mode = false);

} // namespace agenthost::base
