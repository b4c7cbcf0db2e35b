#include "world.hpp"

#include "base/hash.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <chrono>

namespace agenthost::host {

std::int64_t utc_now_ms()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string random_uuid()
{
    std::string hex = base::random_token(16);
    hex[12] = '4';
    constexpr std::string_view variants = "89ab";
    hex[16] = variants[static_cast<std::size_t>(hex[16] <= '9' ? hex[16] - '0' : hex[16] - 'a' + 10) % 4];
    for (const std::size_t dash : {8u, 13u, 18u, 23u}) hex.insert(dash, 1, '-');
    return hex;
}

std::string hmac_sha256_hex(std::string_view key, std::string_view message)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest, &size);
    return base::hex(digest, size);
}

} // namespace agenthost::host
