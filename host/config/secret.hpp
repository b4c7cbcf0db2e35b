// Files with secrets in them: who else may read them?
#pragma once

#include <string>

namespace agenthost::host::conf {

// Others (the world) may read it, or anyone but its owner may write it: refused, as ssh does; the remedy is one chmod.
// The group may read it: fine when the file is root's or ours and the group is one of ours (root:agenthost 0640), else doubtful.
// Not there or not readable for us now: doubtful, because it is read only when it is needed.
struct SecretFile {
    enum class Verdict { good, doubtful, refused } verdict = Verdict::good;
    std::string text; // what, where, how to fix
};
SecretFile look_at_secret_file(const std::string& file);

} // namespace agenthost::host::conf
