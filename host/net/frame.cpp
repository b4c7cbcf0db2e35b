#include "frame.hpp"

#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/random.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace agenthost::host::net {

bool copy_masked(char* to, const char* from, std::size_t size, const MaskKey& key, std::size_t at)
{
    constexpr std::uint64_t not_ascii = 0x8080808080808080;
    // The key rotated to start at byte `at`, twice.
    std::uint32_t turned = 0;
    std::memcpy(&turned, key.data(), sizeof turned);
    const int bits = 8 * static_cast<int>(at % key.size());
    turned = std::endian::native == std::endian::little ? std::rotr(turned, bits) : std::rotl(turned, bits);
    const std::uint64_t mask = std::uint64_t{turned} << 32 | turned;
    std::uint64_t written = 0;
    std::size_t i = 0;
#ifdef __SSE2__
    const __m128i wide = _mm_set1_epi64x(static_cast<long long>(mask));
    __m128i wide_written = _mm_setzero_si128();
    const auto sixteen = [&](std::size_t where) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + where));
        const __m128i masked = _mm_xor_si128(bytes, wide);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + where), masked);
        wide_written = _mm_or_si128(wide_written, masked);
    };
    for (; i + 64 <= size; i += 64) {
        sixteen(i);
        sixteen(i + 16);
        sixteen(i + 32);
        sixteen(i + 48);
    }
    if (_mm_movemask_epi8(wide_written) != 0) written = not_ascii;
#endif
    for (; i + 8 <= size; i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, from + i, sizeof word);
        word ^= mask;
        std::memcpy(to + i, &word, sizeof word);
        written |= word;
    }
    for (; i < size; ++i) {
        const auto byte = static_cast<unsigned char>(from[i]) ^ key[(at + i) % key.size()];
        to[i] = static_cast<char>(byte);
        written |= static_cast<unsigned>(byte);
    }
    return (written & not_ascii) == 0;
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
