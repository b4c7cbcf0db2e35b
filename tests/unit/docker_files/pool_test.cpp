#include "plugins/docker/files/pool.hpp"

#include "files_fixture.hpp"

#include <atomic>
#include <future>

namespace {

using namespace agenthost::docker::files;
using agenthost::base::Cancel;
using agenthost::test::wait_for;

TEST(FilePool, RunsAsManyAsItHasThreadsAndRefusesTooMany)
{
    Pool pool{{.threads = 2, .max_waiting = 3}};
    std::promise<void> go;
    const auto gate = go.get_future().share();
    std::atomic<int> running{0}, most{0}, done{0};
    const auto job = [&](const Cancel&) {
        const int now = ++running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
        gate.wait();
        --running;
        ++done;
    };
    ASSERT_TRUE(pool.submit(job));
    ASSERT_TRUE(pool.submit(job));
    ASSERT_TRUE(wait_for([&] { return running == 2; }));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.submit(job));
    EXPECT_FALSE(pool.submit(job));
    EXPECT_EQ(pool.waiting(), 3u);
    go.set_value();
    EXPECT_TRUE(wait_for([&] { return done == 5; }));
    EXPECT_EQ(most, 2);
}

TEST(FilePool, CancelsARunningJobAndOneThatWaits)
{
    Pool pool{{.threads = 1, .max_waiting = 4}};
    std::atomic<int> begun{0}, cancelled{0};
    const auto job = [&](const Cancel& cancel) {
        ++begun;
        cancelled += wait_for([&] { return cancel.is_set(); });
    };
    const auto first = pool.submit(job), second = pool.submit(job);
    ASSERT_TRUE(wait_for([&] { return begun == 1; }));
    EXPECT_EQ(pool.waiting(), 1u);
    second->set();
    first->set();
    EXPECT_TRUE(wait_for([&] { return cancelled == 2; }));
}

TEST(FilePool, StoppingAnswersEveryJob)
{
    std::atomic<int> answered{0};
    auto held = std::make_shared<int>(1);
    {
        Pool pool{{.threads = 2, .max_waiting = 100}};
        for (int i = 0; i < 50; ++i) {
            pool.submit([&answered, held](const Cancel& cancel) {
                wait_for([&] { return cancel.is_set(); });
                ++answered;
                if (answered % 2 == 0) throw std::runtime_error{"of a job"};
            });
        }
    }
    EXPECT_EQ(answered, 50);
    EXPECT_EQ(held.use_count(), 1);
}

} // namespace
