// SHA-256 piece by piece, hex and base64, comparison in constant time, random tokens. OpenSSL behind it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
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
    Sha256Digest finish(); // and starts anew

private:
    struct Free {
        void operator()(EVP_MD_CTX*) const;
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

Sha256Digest sha256(std::string_view);
std::string hex(const void* data, std::size_t size);
inline std::string hex(const Sha256Digest& d) { return hex(d.data(), d.size()); }
std::string base64(std::string_view);
std::optional<std::string> from_base64(std::string_view);
bool equal_constant_time(std::string_view a,
                         std::string_view b); // false at once for other lengths: a length is no secret
std::string
random_token(std::size_t bytes = 32); // hex of that many random bytes; throws when there is no entropy

} // namespace agenthost::base
