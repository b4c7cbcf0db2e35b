// Who may connect and who may call: agents' tokens from the credentials file and minted ones, REST bearer tokens. Only SHA-256
// digests are kept; comparison takes the same time whether the id is known or not.
//
// Not thread-safe: the hub's lock guards it. The readers at the end block on files and belong on the hub's worker.
#pragma once

#include "config.hpp"
#include "tables.hpp"

#include "kit/hash.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class Credentials {
public:
    static constexpr std::size_t most_tokens =
        1'000; // REST tokens; each request is compared with all of them
    static constexpr std::size_t most_minted = 100'000;

    using Listed = std::map<std::string, kit::Sha256Digest, std::less<>>;
    void set_listed(Listed listed) { listed_ = std::move(listed); }
    void set_admin(std::optional<kit::Sha256Digest> admin) { admin_ = admin; }
    void put(MintedAgent);
    void put(MintedToken);
    void remove_agent(std::string_view id);
    void remove_token(std::string_view id);

    [[nodiscard]] bool agent_may(std::string_view id, std::string_view token) const
    {
        return agent_may(id, kit::sha256(token));
    }
    [[nodiscard]] bool agent_may(std::string_view id, const kit::Sha256Digest& token) const;
    [[nodiscard]] bool knows(std::string_view agent) const;
    [[nodiscard]] bool revoked(std::string_view agent) const;
    [[nodiscard]] bool minted(std::string_view agent) const;
    [[nodiscard]] bool has_admin() const { return admin_.has_value(); }
    [[nodiscard]] bool caller_may(std::string_view bearer) const;
    [[nodiscard]] const Listed& listed() const { return listed_; }
    [[nodiscard]] const std::map<std::string, MintedAgent, std::less<>>& minted_agents() const
    {
        return minted_;
    }
    [[nodiscard]] const std::map<std::string, MintedToken, std::less<>>& tokens() const { return tokens_; }

private:
    Listed listed_;
    std::map<std::string, MintedAgent, std::less<>> minted_;
    std::map<std::string, MintedToken, std::less<>> tokens_;
    std::optional<kit::Sha256Digest> admin_;
};

// nullopt and `why` (what, where, how to fix; no secret in it).
std::optional<Credentials::Listed> read_credentials_file(const std::string& path, std::string& why);
std::optional<Credentials::Listed> parse_credentials(const std::string& yaml, const std::string& path,
                                                     std::string& why);
std::optional<std::string> read_secret(const Secret&, std::string& why); // trailing newlines cut

// Changes when the file's content may have: device, inode, size, times. Empty: not there.
std::string fingerprint(const std::string& path);
std::string secret_path(const Secret&); // empty: not a file

} // namespace agenthost::hub
