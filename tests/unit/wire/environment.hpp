// An environment that a test decides: a clock that stands, uuids that count, a real HMAC. For vectors, unit
// tests and fuzzers.
#pragma once

#include "wire/codec.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost::wire {

constexpr std::int64_t test_now = 1'737'626'400'000; // 2025-01-23T10:00:00.000Z

inline std::string test_hmac(std::string_view key, std::string_view message)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(), &size);
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        constexpr char digits[] = "0123456789abcdef";
        out += digits[digest[i] >> 4];
        out += digits[digest[i] & 15];
    }
    return out;
}

// Copies of environment() share the clock and the count.
class TestEnvironment {
public:
    explicit TestEnvironment(std::int64_t now = test_now) : state_{std::make_shared<State>()}
    {
        state_->now = now;
    }

    [[nodiscard]] Environment environment() const
    {
        return {.utc_ms = [state = state_] { return state->now; },
                .uuid =
                    [state = state_] {
                        std::array<char, 40> text{};
                        std::snprintf(text.data(), text.size(), "00000000-0000-4000-8000-%012d",
                                      ++state->uuids);
                        return std::string{text.data()};
                    },
                .hmac = test_hmac};
    }
    void set_now(std::int64_t now) { state_->now = now; }
    void count_uuids_anew() { state_->uuids = 0; }

private:
    struct State {
        std::int64_t now = 0;
        int uuids = 0;
    };
    std::shared_ptr<State> state_;
};

// Remembers everything; a test may say that it is full.
class TestNonces final : public NonceBook {
public:
    Verdict admit(std::string_view agent_id, std::string_view nonce, std::int64_t) override
    {
        if (seen_.contains({std::string{agent_id}, std::string{nonce}})) return Verdict::seen;
        if (full) return Verdict::full;
        seen_.emplace(agent_id, nonce);
        return Verdict::fresh;
    }
    bool full = false;

private:
    std::set<std::pair<std::string, std::string>> seen_;
};

} // namespace agenthost::wire
