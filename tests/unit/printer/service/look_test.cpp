// How an idle printer is asked: within a bound, and out of the way as soon as a job comes.
#include "plugins/printer/service/look.hpp"
#include "tests/support/asio_loop.hpp"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include <deque>

namespace agenthost::printer::service {
namespace {

struct World {
    boost::asio::io_context io;
    std::string written;
    std::deque<std::string> answers;         // to the next questions
    std::optional<std::uint8_t> port = 0x18; // the port status; nullopt: none
    bool can_read = true, takes_bytes = true;
    int open = 0, cancelled = 0;
};

class FakeLink final : public Link {
public:
    explicit FakeLink(World& world) : world_{world} { ++world_.open; }
    ~FakeLink() override { --world_.open; }

    void write(Bytes bytes, std::function<void(Written)> done) override
    {
        if (!world_.takes_bytes) {
            stuck_ = std::move(done);
            return;
        }
        world_.written.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        later([this, done = std::move(done), size = bytes.size()] {
            done({size, Fault::none, {}});
            if (world_.answers.empty() || !handler_) return;
            const std::string answer = world_.answers.front();
            world_.answers.pop_front();
            handler_({reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size()});
        });
    }
    void cancel_write() override
    {
        ++world_.cancelled;
        later([done = std::exchange(stuck_, nullptr)] {
            if (done) done({0, Fault::cancelled, {}});
        });
    }
    void recover(std::function<void(bool)>) override {}
    void finish(std::function<void(bool)>) override {}
    [[nodiscard]] bool can_read() const override { return world_.can_read; }
    void read(std::function<void(Bytes)> handler) override { handler_ = std::move(handler); }
    void stop_reading() override { handler_ = nullptr; }
    void on_gone(std::function<void(std::string)>) override {}
    void port_status(std::function<void(std::optional<std::uint8_t>)> done) override
    {
        later([this, done = std::move(done)] { done(world_.port); });
    }

private:
    void later(std::function<void()> call)
    {
        boost::asio::post(world_.io, [alive = std::weak_ptr{alive_}, call = std::move(call)] {
            if (!alive.expired()) call();
        });
    }
    World& world_;
    std::function<void(Bytes)> handler_;
    std::function<void(Written)> stuck_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

class Looking : public ::testing::Test {
protected:
    explicit Looking(bool shared = false) : shared_{shared} {}
    Look::Parts parts()
    {
        return {world_.io, Model{}, shared_,
                [this](OpenDone done) {
                    ++opens_;
                    if (opens_late_) {
                        late_ = std::move(done);
                        return;
                    }
                    boost::asio::post(world_.io, [this, done = std::move(done)] {
                        if (refused_) return done({nullptr, OpenError{OpenError::Kind::denied, "no rule"}});
                        done({std::make_unique<FakeLink>(world_), std::nullopt});
                    });
                },
                [this] { ++released_; }};
    }
    bool until(const std::function<bool()>& condition) { return test::run_until(world_.io, condition); }
    job::Trouble seen(Link* link = nullptr)
    {
        const int before = answered_;
        look_.ask(link, [this] { ++answered_; });
        EXPECT_TRUE(until([&] { return answered_ == before + 1 && !look_.running(); }));
        return look_.result() ? look_.result()->condition.trouble : job::Trouble::none;
    }

    const bool shared_;
    World world_;
    int opens_ = 0, released_ = 0, answered_ = 0;
    bool opens_late_ = false, refused_ = false;
    OpenDone late_;
    Look look_{parts()};
};

const std::string all_is_well = "\x12\x12\x12\x12", no_paper = "\x12\x32\x12\x72";

TEST_F(Looking, OpensALinkAndClosesIt)
{
    world_.answers = {no_paper};
    EXPECT_EQ(seen(), job::Trouble::paper_out);
    EXPECT_EQ(world_.open, 0);
    EXPECT_EQ(released_, 1);
    EXPECT_EQ(world_.written, std::string{"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04"});
}

TEST_F(Looking, UsesTheLinkThatIsOpen)
{
    FakeLink link{world_};
    world_.answers = {all_is_well};
    EXPECT_EQ(seen(&link), job::Trouble::none);
    EXPECT_TRUE(look_.result().has_value());
    EXPECT_EQ(opens_, 0);
    EXPECT_EQ(world_.open, 1);
}

TEST_F(Looking, ResultsAreUsedAgainUntilAJobComes)
{
    world_.answers = {no_paper, all_is_well};
    EXPECT_EQ(seen(), job::Trouble::paper_out);
    EXPECT_EQ(seen(), job::Trouble::paper_out);
    EXPECT_EQ(opens_, 1);
    look_.forget();
    EXPECT_EQ(seen(), job::Trouble::none);
    EXPECT_EQ(opens_, 2);
}

TEST_F(Looking, APrinterThatCannotAnswerShowsItsPort)
{
    world_.can_read = false;
    world_.port = 0x38;
    EXPECT_EQ(seen(), job::Trouble::paper_out);
    EXPECT_EQ(world_.written, "");
}

TEST_F(Looking, ASilentPrinterIsAskedForTheBoundOnly)
{
    world_.port.reset();
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(seen(), job::Trouble::none);
    EXPECT_GE(std::chrono::steady_clock::now() - before, look_bound);
    EXPECT_FALSE(look_.result().has_value());
    EXPECT_EQ(world_.open, 0);
    EXPECT_EQ(seen(), job::Trouble::none);
    EXPECT_EQ(opens_, 1) << "that it says nothing is known, too";
}

TEST_F(Looking, ARefusedLinkIsTheResult)
{
    refused_ = true;
    EXPECT_EQ(seen(), job::Trouble::denied);
    EXPECT_EQ(look_.result()->condition.text, "no rule");
}

TEST_F(Looking, AJobWaitsForNoAnswer)
{
    look_.ask(nullptr, [this] { ++answered_; });
    ASSERT_TRUE(until([&] { return !world_.written.empty(); }));
    look_.hurry();
    EXPECT_TRUE(until([&] { return released_ == 1; }));
    EXPECT_EQ(answered_, 1);
    EXPECT_EQ(world_.open, 0);
}

TEST_F(Looking, AJobWaitsForTheWriteThatIsUnderWay)
{
    world_.takes_bytes = false;
    FakeLink link{world_};
    look_.ask(&link, [this] { ++answered_; });
    look_.hurry();
    EXPECT_EQ(world_.cancelled, 1);
    EXPECT_EQ(released_, 0);
    EXPECT_TRUE(until([&] { return released_ == 1; }));
}

TEST_F(Looking, AJobWaitsForTheLinkThatIsBeingOpened)
{
    opens_late_ = true;
    look_.ask(nullptr, [this] { ++answered_; });
    look_.hurry();
    EXPECT_TRUE(until([&] { return answered_ == 1; }));
    EXPECT_TRUE(look_.running());
    late_({std::make_unique<FakeLink>(world_), std::nullopt});
    EXPECT_TRUE(until([&] { return released_ == 1; }));
    EXPECT_EQ(world_.open, 0);
    EXPECT_EQ(world_.written, "");
}

TEST_F(Looking, EverybodyWhoAsksMeanwhileGetsTheSameAnswer)
{
    world_.answers = {no_paper};
    look_.ask(nullptr, [this] { ++answered_; });
    look_.ask(nullptr, [this] { ++answered_; });
    EXPECT_TRUE(until([&] { return answered_ == 2; }));
    EXPECT_EQ(opens_, 1);
}

class LookingAtASharedPrinter : public Looking {
protected:
    LookingAtASharedPrinter() : Looking{true} {}
};

TEST_F(LookingAtASharedPrinter, GivesASilentOnesConnectionBackSoon)
{
    world_.port.reset();
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(seen(), job::Trouble::none);
    const auto held = std::chrono::steady_clock::now() - before;
    EXPECT_GE(held, shared_hold);
    EXPECT_LT(held, look_bound);
    EXPECT_EQ(world_.open, 0);
    EXPECT_EQ(seen(), job::Trouble::none);
    EXPECT_EQ(opens_, 1);
}

TEST_F(LookingAtASharedPrinter, IsNotAskedAgainAfterEachJob)
{
    world_.answers = {no_paper, all_is_well};
    EXPECT_EQ(seen(), job::Trouble::paper_out);
    look_.forget();
    EXPECT_FALSE(look_.result().has_value()) << "the job knows better";
    (void)seen();
    EXPECT_EQ(opens_, 1);
}

} // namespace
} // namespace agenthost::printer::service
