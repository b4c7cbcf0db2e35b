#include "hash.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <sys/random.h>

#include <cerrno>
#include <stdexcept>

namespace agenthost::base {

namespace {

// Fetched once for the life of the process. Otherwise OpenSSL looks it up by name for every digest, which
// costs more than a short hash and pages in half of libcrypto's code.
const EVP_MD* md()
{
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return fetched;
}

} // namespace

void Sha256::Free::operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }

Sha256::Sha256() : context_{EVP_MD_CTX_new()}
{
    if (!context_ || !md() || EVP_DigestInit_ex(context_.get(), md(), nullptr) != 1)
        throw std::runtime_error{"OpenSSL offers no SHA-256"};
}

void Sha256::update(const void* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }

Sha256Digest Sha256::finish()
{
    Sha256Digest digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    EVP_DigestInit_ex(context_.get(), md(), nullptr);
    return digest;
}

Sha256Digest sha256(std::string_view text)
{
    Sha256Digest digest{};
    EVP_Digest(text.data(), text.size(), digest.data(), nullptr, md(), nullptr);
    return digest;
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view message)
{
    Sha256Digest mac{};
    unsigned size = 0;
    if (!HMAC(md(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac.data(), &size))
        throw std::runtime_error{"OpenSSL offers no HMAC-SHA256"};
    return mac;
}

std::string hex(const void* data, std::size_t size)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string text(size * 2, '0');
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return text;
}

bool equal_constant_time(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_token(std::size_t bytes)
{
    std::string raw(bytes, '\0');
    for (std::size_t got = 0; got < bytes;) { // from the kernel, so there is no generator to seed
        const ssize_t n = ::getrandom(raw.data() + got, bytes - got, 0);
        if (n < 0 && errno != EINTR) throw std::runtime_error{"no random bytes from the system"};
        if (n > 0) got += static_cast<std::size_t>(n);
    }
    return hex(raw.data(), raw.size());
}

} // namespace agenthost::base
