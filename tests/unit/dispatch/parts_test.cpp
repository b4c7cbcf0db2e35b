// The small parts: slots, deadlines, the rate.
#include "host/dispatch/deadlines.hpp"
#include "host/dispatch/slots.hpp"
#include "host/dispatch/token_bucket.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

using namespace agenthost::host;
using namespace std::chrono_literals;

namespace {

TEST(Deadlines, AlwaysTellTheEarliestWhateverIsSetAndErased)
{
    Deadlines heap;
    std::map<std::uint32_t, Deadlines::Time> model;
    std::mt19937 random{7};
    for (int i = 0; i < 20'000; ++i) {
        const std::uint32_t slot = random() % 200;
        if (random() % 3) {
            const Deadlines::Time when{std::chrono::milliseconds{random() % 1000}};
            heap.set(slot, when);
            model[slot] = when;
        } else {
            heap.erase(slot);
            model.erase(slot);
        }
        ASSERT_EQ(heap.size(), model.size());
        auto least = Deadlines::Time::max();
        for (const auto& [s, when] : model) least = std::min(least, when);
        ASSERT_EQ(heap.next(), least);
        if (!model.empty()) {
            ASSERT_EQ(model.at(heap.first()), least);
        }
    }
}

TEST(TokenBucket, AdmitsASecondsWorthAtOnceAndThenTheRate)
{
    TokenBucket bucket;
    TokenBucket::Time now{1h};
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(10, now));
    EXPECT_FALSE(bucket.take(10, now));
    now += 100ms;
    EXPECT_TRUE(bucket.take(10, now));
    EXPECT_FALSE(bucket.take(10, now));
    now += 1h;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(10, now));
    EXPECT_FALSE(bucket.take(10, now)) << "an hour saves up no more than a second's worth";
    EXPECT_TRUE(bucket.take(0, now)) << "0 is unlimited";
}

TEST(TokenBucket, AdmitsLessThanOneASecond)
{
    TokenBucket bucket;
    TokenBucket::Time now{1h};
    EXPECT_TRUE(bucket.take(0.5, now));
    EXPECT_FALSE(bucket.take(0.5, now + 1s));
    EXPECT_TRUE(bucket.take(0.5, now + 3s));
}

const std::string owner = "files";

Slot& opened(Slots& slots)
{
    Slot* slot = slots.acquire();
    slot->owner = &owner;
    slots.open(*slot);
    return *slot;
}

TEST(Slots, GiveANewIdToEachUse)
{
    Slots slots;
    Slot& first = opened(slots);
    const agh_req old = first.request.id;
    EXPECT_NE(old, 0u);
    EXPECT_TRUE(Slots::claim(first, old));
    slots.release(first);
    EXPECT_EQ(slots.find(old), nullptr);
    Slot& second = opened(slots);
    EXPECT_EQ(&second, &first) << "the warm slot is used again";
    EXPECT_NE(second.request.id, old);
    EXPECT_FALSE(Slots::claim(second, old)) << "the old id does not end the new request";
    EXPECT_FALSE(Slots::look(second, old, "files"));
    EXPECT_TRUE(Slots::look(second, second.request.id, "files"));
    EXPECT_FALSE(Slots::look(second, second.request.id, "docker")) << "another plugin's request";
    EXPECT_TRUE(Slots::claim(second, second.request.id));
    EXPECT_FALSE(Slots::claim(second, second.request.id)) << "exactly once";
}

TEST(Slots, AreNotCompletedBeforeTheyAreOpen)
{
    Slots slots;
    Slot* slot = slots.acquire();
    slot->owner = &owner;
    EXPECT_FALSE(Slots::claim(*slot, slot->request.id));
    EXPECT_EQ(slots.at(0x1234'0000'ffff), nullptr) << "a slot that never was";
}

TEST(Slots, EndAt65536)
{
    Slots slots;
    for (std::uint32_t i = 0; i < Slots::most; ++i) ASSERT_NE(slots.acquire(), nullptr);
    EXPECT_EQ(slots.acquire(), nullptr);
    EXPECT_EQ(slots.in_use(), Slots::most);
}

TEST(Slots, LetExactlyOneOfManyThreadsComplete)
{
    Slots slots;
    for (int round = 0; round < 200; ++round) {
        Slot& slot = opened(slots);
        std::atomic<int> winners{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                if (Slots::claim(slot, slot.request.id)) ++winners;
            });
        for (auto& t : threads) t.join();
        ASSERT_EQ(winners, 1);
        slots.release(slot);
    }
}

TEST(Slots, TellTheCallersNameOnlyWhileTheRequestLives)
{
    Slots slots;
    std::atomic<bool> stop{false};
    std::atomic<agh_req> current{0};
    std::thread reader{[&] { // asks all the time, also for ids that just ended
        while (!stop) {
            const std::string name = slots.caller_of(current);
            if (!name.empty() && name != "a long enough name to live on the heap") ADD_FAILURE() << name;
        }
    }};
    for (int i = 0; i < 2000; ++i) {
        auto name = std::make_unique<const std::string>("a long enough name to live on the heap");
        Slot* slot = slots.acquire();
        slot->caller = name.get();
        slots.open(*slot);
        current = slot->request.id;
        EXPECT_EQ(slots.caller_of(current), *name);
        Slots::claim(*slot, slot->request.id);
        slots.release(*slot);
        slots.retire_name(std::move(name));
        slots.free_retired();
        EXPECT_EQ(slots.caller_of(current), "");
    }
    stop = true;
    reader.join();
}

} // namespace
