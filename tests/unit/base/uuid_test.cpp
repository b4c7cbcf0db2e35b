#include "base/uuid.hpp"

#include <gtest/gtest.h>

#include <regex>

namespace agenthost::base {
namespace {

TEST(Uuid, IsOfVersionFourAndRandom)
{
    const std::regex form{"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"};
    for (int i = 0; i < 50; ++i) {
        const std::string id = random_uuid();
        EXPECT_TRUE(std::regex_match(id, form)) << id;
    }
    EXPECT_NE(random_uuid(), random_uuid());
}

} // namespace
} // namespace agenthost::base
