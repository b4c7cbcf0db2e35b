// Transfers by URL without their server's network settings.
#include "plugins/docker/service/transfer_actions.hpp"
#include "tests/support/support.hpp"

#include <agenthost/plugin.hpp>
#include <agenthost/testing/fake_host.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

using namespace agenthost;
using namespace agenthost::docker;
using namespace agenthost::docker::service;
using agenthost::test::TempDir;
using agenthost::test::write_file;
using agenthost::testing::FakeHost;

namespace {

// A plugin of transfers only, for one server.
class Transfers : public Plugin {
public:
    explicit Transfers(Context& context) : actions_{context, roots_, {}}
    {
        policy_.data_dir = data_dir;
        policy_.uid = ::geteuid();
        policy_.gid = ::getegid();
        for (const char* verb : {"get_file", "write_file"})
            context.on(verb, [this, verb](Request request) {
                actions_.run(std::make_shared<Request>(std::move(request)), {policy_, "s1", 0, {}}, verb);
            });
    }
    static inline std::string data_dir;

private:
    NodePolicy policy_;
    ServerRoots roots_;
    TransferActions actions_;
};

constexpr agh_entry_v1 transfers = detail::entry_of<Transfers>({});

TEST(TransferActions, FailAndMayBeRepeatedIfTheNetworkSettingsCannotBeRead)
{
    const TempDir dir;
    std::filesystem::create_directories(dir / "s1");
    write_file(dir / "s1/a", "old");
    Transfers::data_dir = dir.path().string();
    FakeHost host{transfers};
    host.network_status = AGH_E_CLOSED;
    // Nothing listens there: an attempt would end with another text.
    const std::string url = "http://files.example.invalid:1/x";
    const auto sent = host.call("get_file", R"({"path":"a","uploadUrl":")" + url + "\"}");
    EXPECT_EQ(sent.code(), "NETWORK_ERROR") << sent.json;
    EXPECT_NE(sent.message().find("could not read its proxy and TLS settings"), std::string::npos);
    EXPECT_EQ(sent.flags & AGH_REPLY_NOT_STARTED, AGH_REPLY_NOT_STARTED);
    const auto got = host.call("write_file", R"({"path":"a","downloadUrl":")" + url + "\"}");
    EXPECT_EQ(got.code(), "NETWORK_ERROR") << got.json;
    EXPECT_EQ(got.flags & AGH_REPLY_NOT_STARTED, AGH_REPLY_NOT_STARTED);
}

} // namespace
