#include "plugins/docker/service/file_params.hpp"

#include <agenthost/error.hpp>
#include <gtest/gtest.h>

namespace {

using agenthost::docker::files::Path;
using agenthost::docker::service::mode_of;
using nlohmann::json;

TEST(FileParams, AModeIsPermissionBitsAndNothingThatIsCutToThem)
{
    const Path path = Path::parse("a");
    EXPECT_EQ(mode_of({{"mode", "0644"}}, path), mode_t{0644});
    EXPECT_EQ(mode_of({{"mode", 420U}}, path), mode_t{0644});
    EXPECT_FALSE(mode_of(json::object(), path));
    for (const json& mode : {json(512U), json(4294967716U), json(UINT64_MAX), json(-1), json(1.5),
                             json("01777"), json("99999999999999999999"), json("9"), json("")})
        EXPECT_THROW(mode_of({{"mode", mode}}, path), agenthost::Error) << mode;
}

} // namespace
