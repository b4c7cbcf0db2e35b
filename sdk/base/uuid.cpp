#include "uuid.hpp"

#include "hash.hpp"

namespace agenthost::base {

std::string random_uuid()
{
    std::string id = random_token(16);
    id[12] = '4';
    // Two bits are the variant's, two stay random.
    id[16] = "89ab"[(id[16] <= '9' ? id[16] - '0' : id[16] - 'a' + 10) % 4];
    for (const std::size_t at : {8, 13, 18, 23}) id.insert(at, "-");
    return id;
}

} // namespace agenthost::base
