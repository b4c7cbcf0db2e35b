// Incremental SHA-256, HMAC, hex, constant-time comparison, random tokens; based on OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace agenthost::base {

using Sha256Digest = std::array<unsigned char, 32>;

class Sha256 {
public:
    Sha256();
    void update(const void* data, std::size_t size);
    void update(std::string_view text) { update(text.data(), text.size()); }
    // Returns the digest and starts a new one.
    Sha256Digest finish();

private:
    struct Free {
        void operator()(EVP_MD_CTX*) const;
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

Sha256Digest sha256(std::string_view);
Sha256Digest hmac_sha256(std::string_view key, std::string_view message);
std::string hex(const void* data, std::size_t size);
inline std::string hex(const Sha256Digest& d) { return hex(d.data(), d.size()); }
// Returns false at once for different lengths: lengths are not secret.
bool equal_constant_time(std::string_view a, std::string_view b);
// Hex of that many random bytes; throws if there is no entropy.
std::string random_token(std::size_t bytes = 32);

} // namespace agenthost::base
