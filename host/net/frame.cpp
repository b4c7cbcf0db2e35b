#include "frame.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/random.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace agenthost::host::net {

void copy_masked(char* to, const char* from, std::size_t size, const MaskKey& key, std::size_t at)
{
    // The key rotated to start at byte `at`, twice.
    std::array<unsigned char, 8> turned{};
    for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = key[(at + i) % key.size()];
    std::uint64_t mask = 0;
    std::memcpy(&mask, turned.data(), sizeof mask);
    std::size_t i = 0;
#ifdef __SSE2__
    const __m128i wide = _mm_set1_epi64x(static_cast<long long>(mask));
    const auto sixteen = [&](std::size_t where) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + where));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + where), _mm_xor_si128(bytes, wide));
    };
    for (; i + 64 <= size; i += 64) {
        sixteen(i);
        sixteen(i + 16);
        sixteen(i + 32);
        sixteen(i + 48);
    }
#endif
    for (; i + 8 <= size; i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, from + i, sizeof word);
        word ^= mask;
        std::memcpy(to + i, &word, sizeof word);
    }
    for (; i < size; ++i)
        to[i] = static_cast<char>(static_cast<unsigned char>(from[i]) ^ turned[i % turned.size()]);
}

MaskKey MaskKeys::next()
{
    static_assert(sizeof supply_ <= 256, "as much as getrandom() gives whole");
    while (left_ == 0) {
        const auto n = ::getrandom(supply_.data(), sizeof supply_, 0);
        if (n == static_cast<::ssize_t>(sizeof supply_))
            left_ = supply_.size();
        else if (n < 0 && errno != EINTR)
            throw std::system_error{errno, std::generic_category(), "getrandom"};
    }
    return supply_[--left_];
}

FrameHead::FrameHead(Opcode opcode, std::size_t payload, const MaskKey* mask)
{
    constexpr unsigned char whole = 0x80;
    const unsigned char masked = mask ? 0x80 : 0;
    const auto put = [this](std::uint64_t value) { bytes_[size_++] = static_cast<char>(value & 0xFF); };
    const auto put_size = [&](int bytes) {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) put(std::uint64_t{payload} >> shift);
    };
    put(whole | static_cast<unsigned char>(opcode));
    if (payload < 126) {
        put(masked | payload);
    } else if (payload <= 0xFFFF) {
        put(masked | 126);
        put_size(2);
    } else {
        put(masked | 127);
        put_size(8);
    }
    if (!mask) return;
    for (const unsigned char byte : *mask) put(byte);
}

} // namespace agenthost::host::net
