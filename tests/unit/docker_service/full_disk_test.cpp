// Power actions and creations while the agent's disk is full: nothing is answered ok that an agent that starts
// again would not know of.
#include "tests/unit/docker_service/fleet_fixture.hpp"

using namespace agenthost;
using namespace agenthost::docker_test;

namespace {

class FullDisk : public FleetTest {
protected:
    // From now on there is no space for a change of a server, or there is again.
    void full(bool on, const char* when = "UPDATE")
    {
        idle();
        if (on) {
            database_->exec("CREATE TABLE IF NOT EXISTS space(used BLOB)");
            database_->exec((std::string{"CREATE TRIGGER IF NOT EXISTS grows BEFORE "} + when +
                             " ON servers BEGIN INSERT INTO space VALUES(zeroblob(1000000)); END")
                                .c_str());
            database_->exec("PRAGMA max_page_count=1"); // no page is added to those that there are
        } else {
            database_->exec("PRAGMA max_page_count=100000");
            database_->exec("DROP TRIGGER grows");
        }
    }
    // The store is used by a thread of its own; this waits until it has nothing to do.
    void idle() { fleet_->records().keep_project("nobody", 1); }
    struct Created {
        bool ok = false;
        Problem refused;
    };
    Created try_to_create()
    {
        std::optional<Created> out;
        fleet_->create({.spec = read_create_server(payload),
                        .payload = payload,
                        .power = {.id = "create", .action = server::Action::install},
                        .answer =
                            [&](const server::Answer& answer) {
                                out = Created{answer.verdict == server::Verdict::ok, answer.problem};
                            },
                        .refused =
                            [&](const Problem& problem) {
                                out = Created{false, problem};
                            },
                        .exists = [&](const ServerShell&) { out = Created{}; }});
        EXPECT_TRUE(test::run_until(io_, [&] { return out.has_value(); }));
        return out.value_or(Created{});
    }
    [[nodiscard]] int starts() const
    {
        const auto all = engine_->containers();
        return all.empty() ? 0 : all.begin()->second.starts;
    }
};

TEST_F(FullDisk, AStartThatCannotBeStoredIsRefusedAndNotBegun)
{
    create();
    ASSERT_TRUE(is(server::State::offline));
    full(true);
    const server::Answer refused = power(server::Action::start);
    EXPECT_EQ(refused.verdict, server::Verdict::refused);
    EXPECT_EQ(refused.problem.code, "DISK_FULL");
    EXPECT_NE(refused.problem.message.find("start_server of mc1 was not begun"), std::string::npos)
        << refused.problem.message;
    EXPECT_EQ(fleet_->find("mc1")->state(), server::State::offline);
    EXPECT_TRUE(engine_->containers().empty());
    full(false);
    EXPECT_TRUE(start());
}

TEST_F(FullDisk, AStopIsCarriedOutAndItsAnswerIsTheError)
{
    for (const server::Action action : {server::Action::stop, server::Action::kill}) {
        if (fleet_->find("mc1") == nullptr) create();
        ASSERT_TRUE(start());
        full(true);
        const server::Answer answer = power(action);
        EXPECT_EQ(answer.verdict, server::Verdict::failed);
        EXPECT_EQ(answer.problem.code, "DISK_FULL");
        EXPECT_NE(answer.problem.message.find("may start it again"), std::string::npos);
        EXPECT_TRUE(is(server::State::offline));
        EXPECT_EQ(running(), 0);
        full(false);
    }
    // What could not be stored is stored when there is space.
    fleet_->find("mc1")->poll();
    EXPECT_EQ(power(server::Action::stop).verdict, server::Verdict::ok);
    end();
    begin();
    EXPECT_TRUE(is(server::State::offline));
    EXPECT_FALSE(fleet_->find("mc1")->record().wants_running);
}

TEST_F(FullDisk, ADeletionThatCannotBeForgottenIsNotAnsweredOk)
{
    create();
    full(true, "DELETE");
    const server::Answer answer = power(server::Action::remove);
    EXPECT_EQ(answer.verdict, server::Verdict::failed);
    EXPECT_EQ(answer.problem.code, "DISK_FULL");
    EXPECT_NE(answer.problem.message.find("agenthost keeps trying"), std::string::npos);
    EXPECT_EQ(try_to_create().refused.code, "BUSY") << "it is still being deleted";
    full(false);
}

TEST_F(FullDisk, ACreationThatCannotBeStoredLeavesNothingAndMayBeRepeated)
{
    for (const char* when : {"INSERT", "UPDATE"}) { // the server, or the installation after it
        full(true, when);
        const Created refused = try_to_create();
        EXPECT_FALSE(refused.ok);
        EXPECT_EQ(refused.refused.code, "DISK_FULL") << refused.refused.message;
        EXPECT_EQ(fleet_->find("mc1"), nullptr);
        EXPECT_EQ(fleet_->ledger().totals().servers, 0u);
        full(false);
    }
    EXPECT_TRUE(try_to_create().ok);
}

TEST_F(FullDisk, ACreationThatTheStoreDoesNotForgetMayBeRepeated)
{
    full(true);
    database_->exec("CREATE TRIGGER stays BEFORE DELETE ON servers BEGIN "
                    "INSERT INTO space VALUES(zeroblob(1000000)); END");
    EXPECT_FALSE(try_to_create().ok);
    EXPECT_NE(log_.find("mc1 was not created, but it is listed"), std::string::npos) << log_;
    full(false);
    database_->exec("DROP TRIGGER stays"); // full() has waited
    const Created again = try_to_create();
    EXPECT_TRUE(again.ok) << again.refused.message;
}

} // namespace
