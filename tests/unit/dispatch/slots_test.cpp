#include "host/dispatch/slots.hpp"

#include <gtest/gtest.h>

#include <thread>

using namespace agenthost::host;

namespace {

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
    for (std::uint32_t i = 0; i < Slots::max_slots; ++i) ASSERT_NE(slots.acquire(), nullptr);
    EXPECT_EQ(slots.acquire(), nullptr);
    EXPECT_EQ(slots.in_use(), Slots::max_slots);
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
