// Compares SHA-256 digests of secrets, in constant time.
#pragma once

#include "base/hash.hpp"

#include <string_view>

namespace agenthost::hub {

inline bool same_digest(const base::Sha256Digest& a, const base::Sha256Digest& b)
{
    return base::equal_constant_time({reinterpret_cast<const char*>(a.data()), a.size()},
                                     {reinterpret_cast<const char*>(b.data()), b.size()});
}

} // namespace agenthost::hub
