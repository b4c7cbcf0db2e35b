// Whose containers are whose, on an engine where people rename containers and other agents have some.
#include "tests/unit/docker_service/fleet_fixture.hpp"

#include <fstream>

using namespace agenthost;
using namespace agenthost::docker_test;

namespace {

class OwnedContainers : public FleetTest {
protected:
    ScriptedEngine::Container another(const char* owner, const std::string& folder)
    {
        json labels{{"agenthost.server", "mc1"}, {"agenthost.role", "server"}, {"agenthost.spec", "x"}};
        if (owner != nullptr) labels["agenthost.owner"] = owner;
        return {"agenthost-mc1", labels, json::array({folder + ":/home/container:rw"}), true};
    }
};

TEST_F(OwnedContainers, ARenamedOneIsStillTheServersOwn)
{
    create();
    ASSERT_TRUE(start());
    ASSERT_EQ(engine_->containers().size(), 1u);
    const std::string id = engine_->containers().begin()->first;
    engine_->rename("agenthost-mc1", "by-hand");
    // Also for an agent that knows nothing but its records.
    for (int agent = 0; agent < 2; ++agent) {
        EXPECT_TRUE(is(server::State::running));
        EXPECT_TRUE(start());
        ASSERT_EQ(engine_->containers().size(), 1u) << "a second one runs on the same folder";
        EXPECT_EQ(fleet_->find("mc1")->view().id, id);
        end();
        begin();
    }
    EXPECT_EQ(power(server::Action::kill).verdict, server::Verdict::ok);
    EXPECT_FALSE(engine_->containers().at(id).running);
    ASSERT_TRUE(start());
    ASSERT_EQ(engine_->containers().size(), 1u);
    EXPECT_EQ(engine_->containers().begin()->second.name, "agenthost-mc1");
    EXPECT_TRUE(engine_->containers().begin()->second.running);
}

TEST_F(OwnedContainers, ADeletionRemovesAllThatCarryTheServersLabels)
{
    create();
    ASSERT_TRUE(start());
    engine_->rename("agenthost-mc1", "by-hand");
    ScriptedEngine::Container copy = engine_->containers().begin()->second;
    copy.name = "a-copy";
    engine_->add(copy);
    engine_->add(another("somebody-else", "/elsewhere/mc1"));
    EXPECT_EQ(power(server::Action::remove).verdict, server::Verdict::ok);
    ASSERT_EQ(engine_->containers().size(), 1u);
    EXPECT_EQ(engine_->containers().begin()->second.labels["agenthost.owner"], "somebody-else");
    EXPECT_TRUE(engine_->containers().begin()->second.running);
}

TEST_F(OwnedContainers, OfTwoThatRunOnOneFolderOnlyOneRunsOn)
{
    create();
    ASSERT_TRUE(start());
    ScriptedEngine::Container copy = engine_->containers().begin()->second;
    for (const char* name : {"a-copy", "b-copy"}) {
        copy.name = name;
        engine_->add(copy);
    }
    // An agent that starts finds them.
    end();
    begin();
    ASSERT_TRUE(test::run_until(io_, [&] { return running() == 1; }));
    EXPECT_TRUE(is(server::State::running));
    EXPECT_NE(log_.find("the containers agenthost-mc1 and a-copy ran at the same time on one folder"),
              std::string::npos)
        << log_;
    EXPECT_NE(log_.find("and b-copy ran"), std::string::npos) << log_;
    // So does a start: one of them is the server's from then on.
    power(server::Action::kill);
    ASSERT_TRUE(is(server::State::offline));
    for (const char* name : {"c-copy", "d-copy"}) {
        copy.name = name;
        engine_->add(copy);
    }
    ASSERT_TRUE(start());
    EXPECT_EQ(running(), 1);
    EXPECT_NE(log_.find("c-copy and d-copy ran"), std::string::npos) << log_;
}

TEST_F(OwnedContainers, ACreationThatACrashCutShortGoesOn)
{
    end();
    {
        store::Opened opened = store::open_store((dir_ / "servers.db").string());
        store::StoredServer stored;
        stored.id = stored.claim.server = "mc1";
        stored.spec = payload;
        ASSERT_FALSE(opened.store->add(stored)); // and no more: the installation was not begun
    }
    begin();
    create();
    EXPECT_TRUE(is(server::State::offline));
    EXPECT_TRUE(start());
}

TEST_F(OwnedContainers, AnotherAgentsIsRefusedAndNeverTouched)
{
    for (const char* owner : {"somebody-else", static_cast<const char*>(nullptr)}) {
        const std::string id = engine_->add(another(owner, "/elsewhere/mc1"));
        create();
        EXPECT_EQ(power(server::Action::start).verdict, server::Verdict::ok);
        ASSERT_TRUE(is(server::State::offline));
        const Problem fault = fleet_->find("mc1")->record().fault;
        EXPECT_EQ(fault.code, "CONFIG_INVALID");
        EXPECT_NE(fault.message.find("agenthost-mc1 belongs to a server with the same id of another agent"),
                  std::string::npos)
            << fault.message;
        power(server::Action::kill);
        power(server::Action::remove);
        ASSERT_TRUE(test::run_until(io_, [&] { return fleet_->find("mc1") == nullptr; }));
        EXPECT_TRUE(engine_->containers().at(id).running);
        EXPECT_EQ(engine_->containers().at(id).starts, 1);
        engine_->rename("agenthost-mc1", "moved-" + id);
    }
    EXPECT_EQ(engine_->containers().size(), 2u);
}

TEST_F(OwnedContainers, OneWithoutAnOwnerIsAdoptedIfItHasTheServersFolder)
{
    const std::string id = engine_->add(another(nullptr, (dir_ / "data" / "mc1").string()));
    create(); // ends what runs first
    ASSERT_TRUE(is(server::State::offline));
    EXPECT_FALSE(engine_->containers().at(id).running);
    ASSERT_TRUE(start());
    ASSERT_EQ(engine_->containers().size(), 1u);
    const auto now = engine_->containers();
    EXPECT_NE(now.begin()->first, id);
    std::string owner;
    std::ifstream{dir_ / "owner"} >> owner;
    EXPECT_EQ(now.begin()->second.labels["agenthost.owner"], owner);
    EXPECT_GE(owner.size(), 32u);
}

TEST_F(OwnedContainers, AFrozenEngineIsTroubleWithinASecondAndThenAway)
{
    create();
    ASSERT_TRUE(start());
    EXPECT_EQ(fleet_->trouble().message, "");
    engine_->frozen = true;
    std::optional<std::string> pulled;
    fleet_->images().pull(parse_image("docker.io/library/alpine:3", "image"),
                          {.on_progress = {}, .on_end = [&](const auto& problem, const std::string&) {
                               pulled = problem ? problem->message : "";
                           }});
    ASSERT_TRUE(test::run_until(
        io_, [&] { return !fleet_->trouble().message.empty(); }, std::chrono::seconds{2}));
    EXPECT_NE(fleet_->trouble().message.find("has not answered for 1 s"), std::string::npos)
        << fleet_->trouble().message;
    ASSERT_TRUE(test::run_until(io_, [&] { return fleet_->away(); }));
    EXPECT_EQ(power(server::Action::kill).problem.code, "DOCKER_ERROR");
    EXPECT_TRUE(fleet_->find("mc1")->engine_away());
    EXPECT_NE(pulled.value_or("").find("has not answered"), std::string::npos);
    engine_->frozen = false;
    ASSERT_TRUE(test::run_until(io_, [&] { return !fleet_->away(); }));
    EXPECT_EQ(fleet_->trouble().message, "");
    EXPECT_TRUE(is(server::State::running));
    EXPECT_EQ(engine_->containers().begin()->second.starts, 1);
}

} // namespace
