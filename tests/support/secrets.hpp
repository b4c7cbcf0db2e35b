// No secret in a log: what daemons of tests write is searched for every secret that was used, when they end
// (~Daemon).
//
// Known are: what a test names here; what the daemon's configuration points to (credential files,
// environment, tokens of the hub); what its state directory keeps; what its command line handed out. Beyond
// these, whatever looks like one: JWTs, Bearer values, token= in a URL, one-time URLs. One list for the
// process; thread-safe.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::test {

void keep_secret(std::string_view); // shorter than 8 bytes: ignored, it would be found anywhere
// Every secret the YAML names by {file: ..} or {env: ..}, and those in files of `state` that hold tokens.
void keep_secrets_of(const std::string& yaml, const std::map<std::string, std::string>& env,
                     const std::filesystem::path& state);
// Values of secret, token, refresh_token and the like, anywhere in a JSON text.
void keep_secrets_in_json(std::string_view);
// The lines of `log` with a secret in them, with its first bytes only; empty: none.
std::vector<std::string> leaks(const std::string& log);

} // namespace agenthost::test
